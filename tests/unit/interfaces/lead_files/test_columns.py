"""Each column is taken for a field or kept under its own title, and each row becomes a lead."""

from __future__ import annotations

import pytest

from streams.interfaces.lead_files.columns import Columns, shown
from streams.interfaces.lead_files.rows import BadLine, Row
from streams.interfaces.lead_files.source import LeadFileError

EXPORTS = {
    "HubSpot": (
        "Record ID,First Name,Last Name,Email,Phone Number,Company Name,Country/Region,Website URL,Create Date",
        "email first_name last_name phone company country website",
    ),
    "Salesforce": (
        "First Name,Last Name,Title,Company / Account,Lead Source,Email,Phone,MOBILEPHONE,HasOptedOutOfEmail",
        "first_name last_name job_title company source email phone",
    ),
    "Meta": (
        "id,created_time,ad_id,form_id,is_organic,full_name,phone_number,company_name,email",
        "lead_id name phone company email",
    ),
    "Google Ads": (
        "FULL_NAME,WORK_EMAIL,PHONE_NUMBER,COMPANY_NAME,JOB_TITLE,City",
        "name email phone company job_title city",
    ),
    "Google Ads with User Email": ("User Email,User Phone,Lead form name", "email"),
    "LinkedIn": ("First Name,Last Name,Email Address,Phone Number,Job Title,Company Name,Country/Region",
                 "first_name last_name email phone job_title company country"),
    "Mailchimp": ("Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME", "email first_name last_name"),
    "Google Contacts": (
        "Given Name,Family Name,E-mail 1 - Type,E-mail 1 - Value,E-mail 2 - Value,Phone 1 - Value,Organization Name",
        "first_name last_name email phone company",
    ),
    "Outlook": (
        "Title,First Name,Middle Name,Last Name,Suffix,Company,Job Title,E-mail Address,Business Phone,Web Page",
        "first_name last_name company job_title email phone website",
    ),
    "Typeform": ("#,What's your first name?,What is your email?,Submit Date (UTC)", "first_name email"),
    "Pipedrive": (
        "Person - Name,Person - Email - Work,Person - Phone - Work,Organization - Name",
        "name email phone company",
    ),
    "Zoho": (
        "Lead Name,Email,Mobile,Company,Designation,Lead Source,Email Opt Out",
        "name email phone company job_title source",
    ),
    "German": ("Vorname,Name,E-Mail-Adresse,Telefonnummer,Unternehmen,Land,Ort,Nachricht",
               "first_name last_name email phone company country city message"),
    "Spanish": ("Nombre,Apellidos,Correo electrónico,Teléfono,Empresa,País",
                "first_name last_name email phone company country"),
    "French": ("Prénom,Nom,Adresse e-mail,Téléphone,Société,Pays", "first_name last_name email phone company country"),
    "Italian": ("Nome,Cognome,Indirizzo e-mail,Telefono,Azienda", "first_name last_name email phone company"),
    "Portuguese": ("Nome,Sobrenome,E-mail,Celular,Empresa", "first_name last_name email phone company"),
    "Dutch": ("Voornaam,Achternaam,E-mailadres,Telefoonnummer,Bedrijf", "first_name last_name email phone company"),
}  # fmt: skip


@pytest.mark.parametrize("product", EXPORTS)
def test_k11_the_exports_that_people_have_are_read_as_they_are(product: str) -> None:
    header, fields = EXPORTS[product]

    columns = Columns(header.split(","))

    assert {column.name for column in columns.all if column.group == "lead"} == set(fields.split())
    columns.check([])


def test_k11_an_empty_first_choice_falls_through_and_the_others_are_kept() -> None:
    columns = Columns(["Secondary Email", "Email Address", "Phone Number", "Mobile"])

    both = columns.row(2, ["b@b.c", "a@b.c", "+491", "+492"])
    second = columns.row(3, ["b@b.c", " ", "+491", ""])

    assert both == Row(
        2,
        {
            "email": "a@b.c",
            "phone": "+492",
            "attributes": {"Secondary Email": "b@b.c", "Phone Number": "+491"},
        },
    )
    assert second == Row(3, {"email": "b@b.c", "phone": "+491"})


def test_prefixes_of_meta_are_taken_off_in_its_columns_alone() -> None:
    columns = Columns(["id", "ad_id", "email", "phone_number", "note"])

    row = columns.row(2, ["l:123", "ag:7", "l:x@b.c", "p:+491701234567", "p:x"])

    assert row == Row(
        2,
        {
            "lead_id": "123",
            "email": "l:x@b.c",
            "phone": "+491701234567",
            "attributes": {"ad_id": "ag:7", "note": "p:x"},
        },
    )


def test_k7_empty_cells_at_the_end_of_a_row_are_dropped_and_full_ones_are_not() -> None:
    columns = Columns(["email", "name", ""])

    assert columns.row(2, ["a@b.c", "Ada", "", " ", ""]) == Row(2, {"email": "a@b.c", "name": "Ada"})
    assert columns.row(3, ["a@b.c"]) == Row(3, {"email": "a@b.c"})
    assert columns.row(4, ["", " "]) is None
    bad = columns.row(5, ["a@b.c", "Ada", "", "x"])
    assert isinstance(bad, BadLine)
    assert bad.code == "NOT_CSV"


@pytest.mark.parametrize(
    ("word", "marketing"), [("Yes", True), ("0", False), ("ja", "ja"), ("maybe", "maybe"), ("WAHR", "WAHR")]
)
def test_words_of_consent_are_passed_on_for_the_worker_to_read(word: str, marketing: object) -> None:
    columns = Columns(["email", "consent.marketing", "Email Opt Out"])

    row = columns.row(2, ["a@b.c", word, "true"])

    assert row == Row(
        2, {"email": "a@b.c", "consent": {"marketing": marketing}, "attributes": {"Email Opt Out": "true"}}
    )


@pytest.mark.parametrize(
    ("titles", "sample", "message"),
    [
        (["name", "city"], [], "neither email nor phone; is the first line the header"),
        (["ada@b.c", "Ada"], [], "no header row"),
        (["E-Mail (privat)", "Phone"], [["a@b.c", "1"]], 'column 1 "E-Mail .privat." looks like it'),
        (
            ["Phone", "Kontakt"],
            [["1", "a@b.c"], ["2", "b@b.c"]],
            "rename it to email, or to attributes.Kontakt",
        ),
    ],
)
def test_k11_a_file_whose_email_is_not_recognised_is_refused_by_the_likely_column(
    titles: list[str], sample: list[list[str]], message: str
) -> None:
    with pytest.raises(LeadFileError, match=message):
        Columns(titles).check(sample)


def test_a_phone_alone_is_enough_and_email_consent_is_no_email() -> None:
    Columns(["Phone", "Email consent", "attributes.Owner Email"]).check([["1", "yes", "boss@b.c"]])


@pytest.mark.parametrize(
    "titles", [["email", "email"], ["email", "Email"], ["ce_id", "ce_id"], ["attributes.a", "attributes.a"]]
)
def test_a_field_that_is_named_twice_by_its_own_name_is_refused(titles: list[str]) -> None:
    with pytest.raises(LeadFileError, match="twice"):
        Columns(titles)


def test_a_further_column_of_one_title_is_kept_under_its_number_unless_it_is_about_consent() -> None:
    columns = Columns(["email", "Notes", "Notes"])

    assert columns.row(2, ["a@b.c", "x", "y"]) == Row(
        2, {"email": "a@b.c", "attributes": {"Notes": "x", "Notes (3)": "y"}}
    )
    assert "twice" in columns.warnings[0]
    with pytest.raises(LeadFileError, match="about consent"):
        Columns(["email", "Email Opt Out", "Email Opt Out"])


@pytest.mark.parametrize(
    ("titles", "time_column", "message"),
    [
        (["email", "Created"], "created on", 'the file has "Created"'),
        (["email", "Created", "ce_time"], "Created", "ce_time"),
        (["email"], "email", "names a field"),
    ],
)
def test_a_time_column_must_be_one_column_of_the_file(
    titles: list[str], time_column: str, message: str
) -> None:
    with pytest.raises(LeadFileError, match=message):
        Columns(titles, time_column)


def test_a_title_is_shown_in_one_short_line_without_control_characters() -> None:
    assert shown("a\n b\x1b[31m\u202e") == "a b\\u001b[31m\\u202e"
    assert len(shown("x" * 500)) == 60
