"""Reads whom a suppression is about, and since when."""

from __future__ import annotations

from typing import NamedTuple

from actions.errors import PermanentError
from actions.normalise.email_address import normalise_email
from actions.normalise.moment import normalise_moment
from actions.normalise.phone_number import normalise_phone
from actions.normalise.refused import Refused
from actions.ports import Identity, LeadRules
from topics.envelope import Envelope
from topics.events import ContactSuppressed, Suppressing


class Suppression(NamedTuple):
    """One suppression, or the end of all."""

    contact_key: str
    reason: Suppressing
    time: str
    """RFC 3339 UTC with microseconds."""


def read_suppression(
    suppressed: ContactSuppressed, envelope: Envelope, identity: Identity, rules: LeadRules
) -> Suppression:
    """Return whom the event is about, and since when. Raises PermanentError.

    A time in the future is replaced by the latest one that the record's timestamp allows: nothing could end it.
    """
    try:
        email = None if suppressed.email is None else normalise_email(suppressed.email)
        phone = (
            normalise_phone(suppressed.phone, rules.default_region)
            if email is None and suppressed.phone is not None
            else None
        )
        time = (
            envelope.time if suppressed.time is None else normalise_moment(suppressed.time) or envelope.time
        )
    except Refused as refused:
        raise PermanentError(refused.code, refused.message) from None
    if email is None and phone is None:
        raise PermanentError(
            "CONTACT_MISSING", "The suppression has neither e-mail nor phone; give one of them."
        )
    latest = envelope.latest_time
    return Suppression(
        identity.contact_key(email=email, phone=phone),
        suppressed.reason,
        time if latest is None else min(time, latest),
    )
