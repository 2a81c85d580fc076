"""Normalises phone numbers to E.164; where no e-mail is given that is the identity of a contact."""

from __future__ import annotations

import phonenumbers

from actions.normalise.phone_plans import affirm
from actions.normalise.refused import Refused, too_long

LENGTH = 100
"""Characters of a phone number with everything that people write around it."""


def normalise_phone(text: str, region: str | None) -> str | None:
    """Return a number as E.164, e.g. `+491701234567`; None when blank.

    A national number is read as dialled in `region` (alpha-2). `00` is read as `+` unless the region dials otherwise;
    letters on keys count as digits. An extension is dropped: E.164 has none, and kept separately it would outlive
    its number. Raises `Refused` (TOO_LONG, PHONE_INVALID).
    """
    text = text.strip()
    if not text:
        return None
    if len(text) > LENGTH:
        raise too_long(len(text), LENGTH)
    number = affirm(text, region) or _parse(text, region)
    if number is None and text.startswith("00"):
        number = _parse(f"+{text[2:]}", None)
    if number is None:
        raise Refused("PHONE_INVALID", _complaint(text, region))
    return number


def is_international(text: str) -> bool:
    """Whether the number has its country code."""
    return text.startswith(("+", "\uff0b", "00"))


def _parse(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _complaint(text: str, region: str | None) -> str:
    if not any(character.isdigit() for character in text):
        return "The phone number has no digits; write it with + and the country's calling code."
    if is_international(text):
        return "No such phone number can exist; check its calling code and its number of digits."
    where = "in the lead's country" if region else "without a country"
    return (
        f"No such phone number can exist {where}; check its digits, or write it with + and the calling code."
    )
