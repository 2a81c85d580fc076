"""Reads a person's answer about marketing: words, and the fields and columns that hold them.

The tables are published in docs/consent.md. An answer that they do not have is "not given", never yes.
"""

from __future__ import annotations

from typing import Literal

from actions.normalise.folding import fold_title

Role = Literal["opt-in", "opt-out", "status", "time", "text"]

YES = frozenset({
    "true", "yes", "y", "1", "1.0", "on", "x", "checked", "ticked", "selected", "opted-in", "opted_in", "opt-in",
    "optin", "opt_in", "subscribed", "granted", "given", "agreed", "agree", "accepted", "accept", "consented",
    "confirmed", "ja", "j", "wahr", "oui", "vrai", "sí", "si", "verdadero", "sì", "vero", "sim", "verdadeiro",
    "waar", "tak", "prawda", "ano", "áno", "evet", "kyllä", "igen", "да", "ναι", "はい", "是", "예", "✓", "✔", "☑",
    "✅",
    "opted in", "i agree", "i accept", "i consent", "opt in",
})  # fmt: skip
"""Words for yes, in lower case."""

NO = frozenset({
    "false", "no", "n", "0", "0.0", "off", "unchecked", "opted-out", "opted_out", "opt-out", "optout", "opt_out",
    "unsubscribed", "denied", "declined", "refused", "withdrawn", "revoked", "rejected", "cleaned", "blocked",
    "blacklisted", "suppressed", "bounced", "complained", "nein", "falsch", "non", "faux", "não", "falso", "nee",
    "onwaar", "nie", "fałsz", "ne", "nei", "nej", "ei", "nem", "hayır", "hayir", "нет", "όχι", "いいえ", "否", "아니요",
    "☐", "✗", "❌", "opted out", "opt out", "no consent", "no-consent", "no_consent", "do not contact",
    "do not email", "do-not-email", "not given", "not granted", "not subscribed", "not opted in", "no permission",
    "unsubscribe", "spam complaint",
})  # fmt: skip
"""Words for no, in lower case."""

_OPTED_OUT = frozenset({
    "opted out", "opted-out", "opted_out", "opt out", "opt-out", "opt_out", "optout", "unsubscribed", "unsubscribe",
    "do not contact", "do not email", "do-not-email", "blocked", "blacklisted", "suppressed", "denied", "declined",
    "refused", "withdrawn", "revoked", "spam complaint", "complained", "bounced", "cleaned",
})  # fmt: skip
"""Words for no that in an opt-out column say that the person did opt out; a plain `no` there says the opposite."""

_OPT_OUT = (
    "opt out", "opted out", "email opt out", "email opted out", "opted out of email", "has opted out of email",
    "do not email", "do not bulk email", "do not send marketing", "do not send mm", "do not contact", "no email",
    "no emails", "unsubscribe", "unsubscribed", "is unsubscribed", "email unsubscribed", "unsubscribed from email",
    "unsubscribed from emails", "unsubscribed from all email", "unsubscribed from all emails",
    "opted out of all email", "global unsubscribe", "marketing opt out", "marketing emails opt out",
    "newsletter opt out", "email blacklisted", "blacklisted", "marketing suspended", "email bounced",
    "opted out of marketing", "abgemeldet", "abbestellt", "newsletter abgemeldet", "newsletter abbestellt",
    "keine werbung", "werbesperre", "werbewiderspruch", "keine e-mails", "baja", "dado de baja",
    "no enviar correos", "désabonné", "désinscrit", "ne pas contacter", "disiscritto", "cancelado", "descadastrado",
    "uitgeschreven", "afgemeld",
)  # fmt: skip
# Salesforce: HasOptedOutOfEmail, Email Opt Out. Dynamics 365: donotemail, donotbulkemail, donotsendmm. Zoho: Email Opt
# Out. HubSpot: Unsubscribed from all email. Marketo: Unsubscribed, Marketing Suspended. Brevo: EMAIL_BLACKLISTED.
# Intercom: Unsubscribed from emails. The rest: the same in German, Spanish, French, Italian, Portuguese and Dutch.

_OPT_IN = (
    "consent", "consent marketing", "marketing consent", "email consent", "email marketing consent",
    "consent given", "gdpr consent", "opt in", "opted in", "email opt in", "email opted in", "marketing opt in",
    "newsletter opt in", "double opt in", "newsletter", "newsletter consent", "newsletter subscription",
    "subscribed", "subscribe", "is subscribed", "accepts marketing", "accepts email marketing", "accepts email",
    "marketing accepted", "marketing permission", "email permission", "email marketing", "einwilligung",
    "werbeeinwilligung", "marketing einwilligung", "newsletter einwilligung", "newsletter anmeldung",
    "einwilligung newsletter", "consentimiento", "consentimiento marketing", "acepta marketing",
    "acepta publicidad", "boletín", "consentement", "consentement marketing", "accepte le marketing", "consenso",
    "consenso marketing", "consenso al marketing", "consentimento", "aceita marketing", "toestemming",
    "toestemming marketing", "nieuwsbrief",
)  # fmt: skip
# Shopify: Accepts Email Marketing. Klaviyo: Email Marketing Consent. Forms and shops: opt-in, newsletter, consent.

_STATUS = (
    "email marketing status", "marketing status", "email status", "subscription status", "subscriber status",
    "email subscription status", "member status", "newsletter status", "consent status", "opt in status",
    "opt out status", "marketing contact status", "email opt in status", "contact status email",
)  # fmt: skip
# Mailchimp: Email marketing status, Member status. Pipedrive: Marketing status. Constant Contact: Email status.

_TIME_OF_YES = (
    "consent time", "consent date", "opt in time", "opt in date", "opted in at", "confirm time", "consent given at",
    "subscribed at", "subscribe date", "subscription date", "einwilligung am", "datum der einwilligung",
)  # fmt: skip
_TIME_OF_NO = (
    "opt out time", "opt out date", "opted out at", "unsub time", "unsubscribed at", "unsubscribe date",
    "unsubscribed on", "unsubscribe time", "unsubscribed date", "date unsubscribed", "email opt out date",
    "email opt out time", "clean time", "abgemeldet am", "abbestellt am", "fecha de baja", "date de désabonnement",
)  # fmt: skip
# Mailchimp: OPTIN_TIME, CONFIRM_TIME, UNSUB_TIME, CLEAN_TIME.

_TEXT = ("consent text", "consent wording", "opt in text", "einwilligungstext")

Meaning = Literal["opt-in", "opt-out", "status", "time of yes", "time of no", "text"]
TITLES: dict[Meaning, tuple[str, ...]] = {
    "opt-out": _OPT_OUT,
    "opt-in": _OPT_IN,
    "status": _STATUS,
    "time of yes": _TIME_OF_YES,
    "time of no": _TIME_OF_NO,
    "text": _TEXT,
}
"""The published table of titles."""
_MEANINGS: dict[str, Meaning] = {
    fold_title(title): meaning for meaning, titles in TITLES.items() for title in titles
}
_ROLES: dict[Meaning, Role] = {
    "opt-in": "opt-in", "opt-out": "opt-out", "status": "status",
    "time of yes": "time", "time of no": "time", "text": "text",
}  # fmt: skip


def consent_meaning(title: str) -> Meaning | None:
    """Return what a field or column of this title says about consent; None when it is about something else.

    The whole title counts, never a part of it: `Email consent` is no e-mail, `SMS opt out` is not about e-mail.
    """
    return _MEANINGS.get(fold_title(title))


def consent_role(title: str) -> Role | None:
    """Return the role of a column of this title, without whether a time belongs to a yes or a no; None as above."""
    meaning = consent_meaning(title)
    return None if meaning is None else _ROLES[meaning]


def read_answer(value: object) -> bool | None:
    """Return whether the value (text, bool or number) is a yes or a no; None when no table has it."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        value = repr(value)
    if not isinstance(value, str):
        return None
    word = _word(value)
    return True if word in YES else False if word in NO else None


def read_opt_out(value: object) -> Literal["out", "not-out"] | None:
    """Return whether the value of an opt-out field says that the person opted out; None when no table has it.

    `not-out` is no consent: who did not opt out has not opted in.
    """
    if isinstance(value, str) and _word(value) in _OPTED_OUT:
        return "out"
    answer = read_answer(value)
    return None if answer is None else "out" if answer else "not-out"


def _word(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!")
