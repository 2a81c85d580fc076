"""The action that validates a lead and computes its contact key."""

from __future__ import annotations

from actions.action import action
from actions.normalise.lead import read_event
from actions.ports import Identity, LeadRules
from actions.unvalidated import made
from topics.envelope import Envelope
from topics.events import LeadReceived, LeadRejected, LeadValidated, Origin


@action(version=1)
async def validate_lead(
    lead: LeadReceived, *, envelope: Envelope, identity: Identity, rules: LeadRules
) -> LeadValidated | LeadRejected:
    """Normalise every field and compute the contact key; or reject a lead without a usable e-mail or phone.

    A value that cannot be read as what it claims to be is kept under `attributes`, and `notes` have what was done.
    Raises `DecodeError` (WRONG_TYPE) when the only identity is an `email` that is no text: the publisher's defect.
    """
    origin = made(Origin, {"event_id": envelope.id, "source": envelope.source, "time": envelope.time})
    lead_id = lead.lead_id or envelope.id
    known, reasons, notes = read_event(lead, envelope, rules.default_region)
    if reasons:
        return LeadRejected(lead_id=lead_id, origin=origin, reasons=reasons)
    contact_key = identity.contact_key(email=known.email, phone=known.phone)
    return made(
        LeadValidated,
        {"lead_id": lead_id, "contact_key": contact_key, "origin": origin, "lead": known, "notes": notes},
    )
