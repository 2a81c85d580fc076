"""Returns the key that today's rules of reading give to somebody whom older ones read otherwise."""

from __future__ import annotations

from actions.normalise.email_address import normalise_email
from actions.normalise.phone_number import normalise_phone
from actions.normalise.refused import Refused
from actions.ports import Identity

READING_RULES = 2
"""Raised whenever a rule changes so that somebody may get another contact key: the next workers then look for people
who are stored under the key of an older rule."""


def newer_key(identity: Identity, email: str | None, phone: str | None) -> str | None:
    """Return today's contact key of an e-mail, else of a phone, that an older build normalised.

    None when today's rules read it as it is, or cannot read it any more.
    """
    try:
        if email is not None:
            today = normalise_email(email)
            return None if today in {None, email} else identity.contact_key(email=today, phone=None)
        today = None if phone is None else normalise_phone(phone, None)
        return None if today in {None, phone} else identity.contact_key(email=None, phone=today)
    except Refused:
        return None
