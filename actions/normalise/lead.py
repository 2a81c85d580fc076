"""Reads a whole lead: every field normalised, and every reason why it is not a good one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actions.normalise.attributes import read_attributes
from actions.normalise.country import normalise_country
from actions.normalise.email_address import normalise_email
from actions.normalise.language import normalise_language
from actions.normalise.moment import normalise_moment
from actions.normalise.phone_number import is_international, normalise_phone
from actions.normalise.refused import Refused
from actions.normalise.text import block, line, website
from actions.unvalidated import made
from topics.events import Consent, Lead, LeadReceived, Reason

Normalise = Callable[[str], str | None]
"""Return the one spelling, or None when blank or absent; raises `Refused`."""

_FIELDS: tuple[tuple[str, Normalise], ...] = (
    ("email", normalise_email),
    ("name", line),
    ("first_name", line),
    ("last_name", line),
    ("company", line),
    ("website", website),
    ("job_title", line),
    ("country", normalise_country),
    ("city", line),
    ("language", normalise_language),
    ("source", line),
    ("message", block),
)
_ABSENT: dict[str, Any] = dict.fromkeys(Lead.model_fields)


def read_lead(received: LeadReceived, default_region: str) -> tuple[Lead, list[Reason]]:
    """Return the lead with every value normalised, and all reasons against it; without any it is a good one.

    Blank text is absent. A national phone number is read in the lead's country, else in `default_region`
    (alpha-2).
    """
    given = received.__dict__
    known = _ABSENT.copy()
    reasons: list[Reason] = []
    for field, normalise in _FIELDS:
        text = given[field]
        if text is not None:
            try:
                known[field] = normalise(text)
            except Refused as refused:
                reasons.append(_reason(field, refused))
    if given["phone"] is not None:
        known["phone"] = _phone(given["phone"], known["country"], default_region, reasons)
    if known["name"] is None:
        known["name"] = _full_name(known["first_name"], known["last_name"])
    if given["consent"] is not None:
        known["consent"] = _consent(given["consent"], reasons)
    known["attributes"] = read_attributes(received.extras, given["attributes"], reasons)
    if known["email"] is None and known["phone"] is None and _is_blank(given["email"], given["phone"]):
        reasons.insert(0, _CONTACT_MISSING)
    return made(Lead, known), reasons


_CONTACT_MISSING = Reason(
    field="email",
    code="CONTACT_MISSING",
    message="The lead has neither e-mail nor phone; give at least one of them.",
)


def _reason(field: str, refused: Refused) -> Reason:
    return Reason(field=field, code=refused.code, message=refused.message)


def _is_blank(*texts: str | None) -> bool:
    return not any(text and text.strip() for text in texts)


def _phone(text: str, country: str | None, default_region: str, reasons: list[Reason]) -> str | None:
    is_country_refused = country is None and any(reason.field == "country" for reason in reasons)
    try:
        return normalise_phone(text, None if is_country_refused else country or default_region)
    except Refused as refused:
        # A national number means nothing without its country: that the country is unknown is reason enough.
        if refused.code != "PHONE_INVALID" or not is_country_refused or is_international(text.strip()):
            reasons.append(_reason("phone", refused))
        return None


def _full_name(first: str | None, last: str | None) -> str | None:
    return f"{first} {last}" if first and last else first or last


def _consent(given: Consent, reasons: list[Reason]) -> Consent | None:
    time = text = None
    try:
        time = normalise_moment(given.time) if given.time is not None else None
    except Refused as refused:
        reasons.append(_reason("consent.time", refused))
    try:
        text = block(given.text) if given.text is not None else None
    except Refused as refused:
        reasons.append(_reason("consent.text", refused))
    if given.marketing is None and time is None and text is None:
        return None
    return made(Consent, {"marketing": given.marketing, "time": time, "text": text})
