"""The titles that products and languages give to columns of leads, as one table of data."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple
from unicodedata import combining, normalize

from actions.normalise.folding import fold_title


class Alias(NamedTuple):
    """One title of a lead's field."""

    field: str
    title: str
    """Compared as a whole, folded: letters and digits in lower case."""
    source: str
    """Products or languages that write it."""
    prefix: str = ""
    """What the product writes before each value and is no part of it."""
    beside: tuple[str, ...] = ()
    """Titles of which the file must have one, or this title means something else."""
    unless: tuple[str, ...] = ()
    """Titles of which the file must have none."""


_FIRST_NAMES_ES = ("Apellidos", "Apellido", "Primer apellido")
_META_IDS = ("ad_id", "adset_id", "campaign_id", "form_id")
_OUTLOOK = ("Job Title", "Jobtitle", "Middle Name", "Suffix", "Position")

# Within one field the first title ranks first: of several columns, each row takes the first that is not empty.
ALIASES: tuple[Alias, ...] = (
    Alias("email", "Email", "most products"),
    Alias("email", "Mail", "many forms"),
    Alias("email", "Email Address", "Mailchimp, LinkedIn, Constant Contact"),
    Alias("email", "E-mail 1 - Value", "Google Contacts"),
    Alias("email", "Person - Email", "Pipedrive"),
    Alias("email", "Person - Email - Work", "Pipedrive"),
    Alias("email", "Contact Email", "Zoho, Freshsales"),
    Alias("email", "Lead Email", "Close, forms"),
    Alias("email", "Your Email", "forms"),
    Alias("email", "Your Email Address", "forms"),
    Alias("email", "What is your email?", "Typeform"),
    Alias("email", "What is your email address?", "Typeform"),
    Alias("email", "What's your email?", "Typeform"),
    Alias("email", "What's your email address?", "Typeform"),
    Alias("email", "Primary Email", "Apollo, Zoho"),
    Alias("email", "Work Email", "Google Ads, HubSpot, Apollo"),
    Alias("email", "Work Email Address", "forms"),
    Alias("email", "Business Email", "Meta, LinkedIn"),
    Alias("email", "Business Email Address", "forms"),
    Alias("email", "Company Email", "Google Ads"),
    Alias("email", "User Email", "Google Ads"),
    Alias("email", "E-Mail-Adresse", "German"),
    Alias("email", "Mailadresse", "German"),
    Alias("email", "E-Mail geschäftlich", "German"),
    Alias("email", "Correo electrónico", "Spanish"),
    Alias("email", "Correo", "Spanish"),
    Alias("email", "Dirección de correo electrónico", "Spanish"),
    Alias("email", "Adresse e-mail", "French"),
    Alias("email", "Adresse mail", "French"),
    Alias("email", "Adresse électronique", "French"),
    Alias("email", "Courriel", "French"),
    Alias("email", "Indirizzo e-mail", "Italian"),
    Alias("email", "Indirizzo di posta elettronica", "Italian"),
    Alias("email", "Posta elettronica", "Italian"),
    Alias("email", "Endereço de e-mail", "Portuguese"),
    Alias("email", "Correio eletrónico", "Portuguese"),
    Alias("email", "Correio eletrônico", "Portuguese"),
    Alias("email", "E-mailadres", "Dutch"),
    Alias("email", "Personal Email", "LinkedIn, Apollo"),
    Alias("email", "Person - Email - Home", "Pipedrive"),
    Alias("email", "Person - Email - Other", "Pipedrive"),
    Alias("email", "Email 2", "Zoho, forms"),
    Alias("email", "Secondary Email", "Zoho, Apollo"),
    Alias("email", "E-mail 2 Address", "Outlook"),
    Alias("email", "E-mail 2 - Value", "Google Contacts"),
    Alias("email", "Email 3", "forms"),
    Alias("email", "E-mail 3 Address", "Outlook"),
    Alias("email", "E-mail 3 - Value", "Google Contacts"),
    # A mobile number is one person's; an office may share the others.
    Alias("phone", "Mobile Phone", "Salesforce, Outlook"),
    Alias("phone", "Mobile Phone Number", "HubSpot"),
    Alias("phone", "Mobile", "Zoho, Salesforce"),
    Alias("phone", "Mobile Number", "forms"),
    Alias("phone", "Person - Phone - Mobile", "Pipedrive"),
    Alias("phone", "Cell Phone", "forms"),
    Alias("phone", "Cell", "forms"),
    Alias("phone", "Mobil", "German"),
    Alias("phone", "Mobiltelefon", "German"),
    Alias("phone", "Mobilnummer", "German"),
    Alias("phone", "Handy", "German"),
    Alias("phone", "Handynummer", "German"),
    Alias("phone", "Móvil", "Spanish"),
    Alias("phone", "Teléfono móvil", "Spanish"),
    Alias("phone", "Celular", "Spanish, Portuguese"),
    Alias("phone", "Portable", "French"),
    Alias("phone", "Téléphone portable", "French"),
    Alias("phone", "Téléphone mobile", "French"),
    Alias("phone", "Cellulare", "Italian"),
    Alias("phone", "Telemóvel", "Portuguese"),
    Alias("phone", "Mobiel", "Dutch"),
    Alias("phone", "Mobiel nummer", "Dutch"),
    Alias("phone", "Phone Number", "HubSpot, Meta, Google Ads, LinkedIn", prefix="p:"),
    Alias("phone", "Phone", "most products", prefix="p:"),
    Alias("phone", "Primary Phone", "Outlook"),
    Alias("phone", "Phone 1 - Value", "Google Contacts"),
    Alias("phone", "Person - Phone", "Pipedrive"),
    Alias("phone", "Telephone", "forms"),
    Alias("phone", "Telephone Number", "forms"),
    Alias("phone", "Tel", "forms"),
    Alias("phone", "Contact Number", "forms"),
    Alias("phone", "Your Phone Number", "forms"),
    Alias("phone", "What is your phone number?", "Typeform"),
    Alias("phone", "What's your phone number?", "Typeform"),
    Alias("phone", "Telefon", "German"),
    Alias("phone", "Telefonnummer", "German"),
    Alias("phone", "Rufnummer", "German"),
    Alias("phone", "Teléfono", "Spanish"),
    Alias("phone", "Número de teléfono", "Spanish"),
    Alias("phone", "Téléphone", "French"),
    Alias("phone", "Numéro de téléphone", "French"),
    Alias("phone", "Telefono", "Italian"),
    Alias("phone", "Numero di telefono", "Italian"),
    Alias("phone", "Telefone", "Portuguese"),
    Alias("phone", "Número de telefone", "Portuguese"),
    Alias("phone", "Telefoon", "Dutch"),
    Alias("phone", "Telefoonnummer", "Dutch"),
    Alias("phone", "Work Phone", "Google Ads, Zoho, Apollo"),
    Alias("phone", "Work Phone Number", "Meta, LinkedIn"),
    Alias("phone", "Work Direct Phone", "Apollo"),
    Alias("phone", "Business Phone", "Outlook, Dynamics 365"),
    Alias("phone", "Person - Phone - Work", "Pipedrive"),
    Alias("phone", "Telefon geschäftlich", "German, Outlook"),
    Alias("phone", "Home Phone", "Outlook, Salesforce, Zoho"),
    Alias("phone", "Person - Phone - Home", "Pipedrive"),
    Alias("phone", "Phone 2", "forms"),
    Alias("phone", "Phone 2 - Value", "Google Contacts"),
    Alias("phone", "Business Phone 2", "Outlook"),
    Alias("phone", "Home Phone 2", "Outlook"),
    Alias("phone", "Other Phone", "Outlook, Salesforce, Zoho"),
    Alias("first_name", "First Name", "most products"),
    Alias("first_name", "FName", "Mailchimp"),
    Alias("first_name", "Given Name", "Google Contacts"),
    Alias("first_name", "Forename", "forms"),
    Alias("first_name", "Person - First name", "Pipedrive"),
    Alias("first_name", "What is your first name?", "Typeform"),
    Alias("first_name", "What's your first name?", "Typeform"),
    Alias("first_name", "Vorname", "German"),
    Alias("first_name", "Nombre", "Spanish", beside=_FIRST_NAMES_ES),
    Alias("first_name", "Nombre de pila", "Spanish"),
    Alias("first_name", "Prénom", "French"),
    Alias("first_name", "Nome", "Italian, Portuguese", beside=("Cognome", "Sobrenome", "Apelido")),
    Alias("first_name", "Primeiro nome", "Portuguese"),
    Alias("first_name", "Voornaam", "Dutch"),
    Alias("last_name", "Last Name", "most products"),
    Alias("last_name", "LName", "Mailchimp"),
    Alias("last_name", "Family Name", "Google Contacts"),
    Alias("last_name", "Surname", "forms"),
    Alias("last_name", "Person - Last name", "Pipedrive"),
    Alias("last_name", "What is your last name?", "Typeform"),
    Alias("last_name", "What's your last name?", "Typeform"),
    Alias("last_name", "Nachname", "German"),
    Alias("last_name", "Familienname", "German"),
    Alias("last_name", "Zuname", "German"),
    Alias("last_name", "Name", "German", beside=("Vorname",), unless=("Nachname", "Familienname", "Zuname")),
    Alias("last_name", "Apellidos", "Spanish"),
    Alias("last_name", "Apellido", "Spanish"),
    Alias("last_name", "Primer apellido", "Spanish"),
    Alias("last_name", "Nom", "French", beside=("Prénom",), unless=("Nom de famille",)),
    Alias("last_name", "Nom de famille", "French"),
    Alias("last_name", "Cognome", "Italian"),
    Alias("last_name", "Sobrenome", "Portuguese"),
    Alias("last_name", "Apelido", "Portuguese"),
    Alias("last_name", "Achternaam", "Dutch"),
    Alias("last_name", "Naam", "Dutch", beside=("Voornaam",), unless=("Achternaam",)),
    Alias("name", "Name", "many products"),
    Alias("name", "Full Name", "Meta, Google Ads, Zoho"),
    Alias("name", "Person - Name", "Pipedrive"),
    Alias("name", "Contact Name", "Zoho, Close"),
    Alias("name", "Lead Name", "Zoho"),
    Alias("name", "Display Name", "Outlook, Thunderbird"),
    Alias("name", "Your Name", "forms"),
    Alias("name", "What is your name?", "Typeform"),
    Alias("name", "What's your name?", "Typeform"),
    Alias("name", "Vollständiger Name", "German"),
    Alias("name", "Vor- und Nachname", "German"),
    Alias("name", "Ansprechpartner", "German"),
    Alias("name", "Nombre completo", "Spanish"),
    Alias("name", "Nombre y apellidos", "Spanish"),
    Alias("name", "Nombre", "Spanish"),
    Alias("name", "Nom complet", "French"),
    Alias("name", "Nom", "French"),
    Alias("name", "Nome completo", "Italian, Portuguese"),
    Alias("name", "Nome e cognome", "Italian"),
    Alias("name", "Nome", "Italian, Portuguese"),
    Alias("name", "Volledige naam", "Dutch"),
    Alias("name", "Naam", "Dutch"),
    Alias("company", "Company", "most products"),
    Alias("company", "Company Name", "HubSpot, Meta, Google Ads, LinkedIn"),
    Alias("company", "Company / Account", "Salesforce"),
    Alias("company", "Account Name", "Salesforce, Zoho"),
    Alias("company", "Associated Company", "HubSpot"),
    Alias("company", "Organization Name", "Google Contacts, Pipedrive"),
    Alias("company", "Organization 1 - Name", "Google Contacts"),
    Alias("company", "Organization", "forms"),
    Alias("company", "Organisation", "forms"),
    Alias("company", "Person - Organization", "Pipedrive"),
    Alias("company", "Business Name", "forms"),
    Alias("company", "Unternehmen", "German"),
    Alias("company", "Unternehmensname", "German"),
    Alias("company", "Firma", "German"),
    Alias("company", "Firmenname", "German"),
    Alias("company", "Empresa", "Spanish, Portuguese"),
    Alias("company", "Nombre de la empresa", "Spanish"),
    Alias("company", "Compañía", "Spanish"),
    Alias("company", "Entreprise", "French"),
    Alias("company", "Société", "French"),
    Alias("company", "Nom de l'entreprise", "French"),
    Alias("company", "Azienda", "Italian"),
    Alias("company", "Società", "Italian"),
    Alias("company", "Nome da empresa", "Portuguese"),
    Alias("company", "Bedrijf", "Dutch"),
    Alias("company", "Bedrijfsnaam", "Dutch"),
    Alias("website", "Website", "most products"),
    Alias("website", "Website URL", "HubSpot"),
    Alias("website", "Website 1 - Value", "Google Contacts"),
    Alias("website", "Company Website", "LinkedIn, forms"),
    Alias("website", "Web Page", "Outlook"),
    Alias("website", "Homepage", "forms"),
    Alias("website", "Webseite", "German"),
    Alias("website", "Internetseite", "German"),
    Alias("website", "Sitio web", "Spanish"),
    Alias("website", "Página web", "Spanish"),
    Alias("website", "Site web", "French"),
    Alias("website", "Site Internet", "French"),
    Alias("website", "Sito web", "Italian"),
    Alias("website", "Sito Internet", "Italian"),
    Alias("job_title", "Job Title", "HubSpot, Meta, Google Ads, LinkedIn, Outlook"),
    Alias("job_title", "Organization Title", "Google Contacts"),
    Alias("job_title", "Organization 1 - Title", "Google Contacts"),
    Alias("job_title", "Person - Job title", "Pipedrive"),
    Alias("job_title", "Title", "Salesforce, Zoho", unless=_OUTLOOK),
    Alias("job_title", "Position", "LinkedIn, German"),
    Alias("job_title", "Designation", "Zoho"),
    Alias("job_title", "Berufsbezeichnung", "German"),
    Alias("job_title", "Jobtitel", "German"),
    Alias("job_title", "Funktion", "German"),
    Alias("job_title", "Cargo", "Spanish, Portuguese"),
    Alias("job_title", "Puesto", "Spanish"),
    Alias("job_title", "Puesto de trabajo", "Spanish"),
    Alias("job_title", "Intitulé du poste", "French"),
    Alias("job_title", "Poste", "French"),
    Alias("job_title", "Fonction", "French"),
    Alias("job_title", "Qualifica", "Italian"),
    Alias("job_title", "Posizione lavorativa", "Italian"),
    Alias("job_title", "Functie", "Dutch"),
    Alias("job_title", "Functietitel", "Dutch"),
    Alias("country", "Country", "most products"),
    Alias("country", "Country/Region", "HubSpot, LinkedIn"),
    Alias("country", "Country Code", "forms"),
    Alias("country", "Country Name", "forms"),
    Alias("country", "Business Country/Region", "Outlook"),
    Alias("country", "Business Country", "Outlook"),
    Alias("country", "Mailing Country", "Salesforce, Zoho"),
    Alias("country", "Address 1 - Country", "Google Contacts"),
    Alias("country", "Home Country/Region", "Outlook"),
    Alias("country", "Land", "German, Dutch"),
    Alias("country", "Land/Region", "German"),
    Alias("country", "País", "Spanish, Portuguese"),
    Alias("country", "País/región", "Spanish"),
    Alias("country", "Pays", "French"),
    Alias("country", "Pays/Région", "French"),
    Alias("country", "Paese", "Italian"),
    Alias("country", "Nazione", "Italian"),
    Alias("city", "City", "most products"),
    Alias("city", "Town", "forms"),
    Alias("city", "Town/City", "forms"),
    Alias("city", "Business City", "Outlook"),
    Alias("city", "Mailing City", "Salesforce, Zoho"),
    Alias("city", "Address 1 - City", "Google Contacts"),
    Alias("city", "Home City", "Outlook"),
    Alias("city", "Stadt", "German"),
    Alias("city", "Ort", "German"),
    Alias("city", "Wohnort", "German"),
    Alias("city", "Ciudad", "Spanish"),
    Alias("city", "Ville", "French"),
    Alias("city", "Città", "Italian"),
    Alias("city", "Cidade", "Portuguese"),
    Alias("city", "Plaats", "Dutch"),
    Alias("city", "Woonplaats", "Dutch"),
    Alias("language", "Language", "most products"),
    Alias("language", "Preferred Language", "HubSpot"),
    Alias("language", "Locale", "forms"),
    Alias("language", "Sprache", "German"),
    Alias("language", "Idioma", "Spanish, Portuguese"),
    Alias("language", "Langue", "French"),
    Alias("language", "Lingua", "Italian"),
    Alias("language", "Taal", "Dutch"),
    Alias("source", "Source", "many products"),
    Alias("source", "Lead Source", "Salesforce, Zoho"),
    Alias("source", "Original Source", "HubSpot"),
    Alias("source", "Leadquelle", "German"),
    Alias("source", "Quelle", "German"),
    Alias("source", "Fuente", "Spanish"),
    Alias("source", "Origen", "Spanish"),
    Alias("source", "Fonte", "Italian, Portuguese"),
    Alias("source", "Bron", "Dutch"),
    Alias("message", "Message", "forms"),
    Alias("message", "Your Message", "forms"),
    Alias("message", "Nachricht", "German"),
    Alias("message", "Ihre Nachricht", "German"),
    Alias("message", "Mensaje", "Spanish"),
    Alias("message", "Messaggio", "Italian"),
    Alias("message", "Mensagem", "Portuguese"),
    Alias("lead_id", "Lead ID", "Salesforce, Google Ads"),
    Alias("lead_id", "Leadgen ID", "Meta"),
    Alias("lead_id", "ID", "Meta", prefix="l:", beside=_META_IDS),
)
"""The published table; `docs/lead-files.md` says how it is read."""

CREATED: tuple[tuple[str, str], ...] = (
    ("created_time", "Meta, Zoho"), ("Create Date", "HubSpot"), ("Created Date", "Salesforce"),
    ("Created", "many products"),
    ("Created At", "many products"), ("Created On", "Dynamics 365"), ("Date Created", "many products"),
    ("Creation Date", "many products"), ("Lead Created", "Pipedrive"), ("Lead created date", "LinkedIn"),
    ("Submitted At", "Typeform"), ("Submit Date", "Typeform"), ("Submit Date (UTC)", "Typeform"),
    ("Submission Date", "Jotform"), ("Submission Time", "Google Ads"), ("Lead Submit Time", "Google Ads"),
    ("Person - Person created", "Pipedrive"), ("Timestamp", "Google Forms"), ("Zeitstempel", "German"),
    ("Marca temporal", "Spanish"), ("Horodateur", "French"), ("Erstellt am", "German"), ("Erstellungsdatum", "German"),
    ("Erstelldatum", "German"), ("Fecha de creación", "Spanish"), ("Date de création", "French"),
    ("Data di creazione", "Italian"), ("Data de criação", "Portuguese"), ("Aangemaakt op", "Dutch"),
)  # fmt: skip
"""Titles of columns that say when a lead was made. None is taken for its time unasked: many have no zone."""


@cache
def _by_title() -> dict[str, list[Alias]]:
    table: dict[str, list[Alias]] = {}
    for alias in ALIASES:
        for key in {fold_title(alias.title), _without_accents(alias.title)}:
            table.setdefault(key, []).append(alias)
    for aliases in table.values():
        aliases.sort(
            key=lambda alias: not alias.beside
        )  # one with a condition comes before the same without one
    return table


@cache
def _created() -> frozenset[str]:
    return frozenset(key for title, _ in CREATED for key in (fold_title(title), _without_accents(title)))


@cache
def rank_of(alias: Alias) -> int:
    """Return the place of an alias in the table."""
    return ALIASES.index(alias)


def alias_of(title: str, others: frozenset[str]) -> Alias | None:
    """Return what a title means in a file with these (folded) titles; None when the table does not have it."""
    for alias in _by_title().get(fold_title(title), ()):
        is_beside = not alias.beside or not others.isdisjoint(_folded(alias.beside))
        if is_beside and others.isdisjoint(_folded(alias.unless)):
            return alias
    return None


def is_created_title(title: str) -> bool:
    """Return whether a column of this title says when a lead was made."""
    return fold_title(title) in _created()


@cache
def _folded(titles: tuple[str, ...]) -> frozenset[str]:
    return frozenset(key for title in titles for key in (fold_title(title), _without_accents(title)))


def _without_accents(title: str) -> str:
    decomposed = normalize("NFD", fold_title(title))
    return normalize("NFC", "".join(character for character in decomposed if not combining(character)))
