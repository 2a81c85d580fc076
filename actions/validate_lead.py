"""The action that validates a lead and computes its contact key."""

from __future__ import annotations

from actions.action import action
from actions.normalise.lead import read_lead
from actions.normalise.refused import too_long
from actions.ports import Identity, LeadRules
from actions.unvalidated import made
from topics.envelope import Envelope
from topics.events import LeadReceived, LeadRejected, LeadValidated, Origin, Reason
from topics.limits import MAX_ATTRIBUTE


@action(version=1)
async def validate_lead(
    lead: LeadReceived, *, envelope: Envelope, identity: Identity, rules: LeadRules
) -> LeadValidated | LeadRejected:
    """Normalise every field and compute the contact key; or reject the lead with all reasons, field by field."""
    origin = made(Origin, {"event_id": envelope.id, "source": envelope.source, "time": envelope.time})
    lead_id = lead.lead_id or envelope.id
    known, reasons = read_lead(lead, rules.default_region)
    if len(lead_id) > MAX_ATTRIBUTE:  # it becomes a key of indexes and an attribute of every result
        refused = too_long(len(lead_id), MAX_ATTRIBUTE)
        reasons.append(Reason(field="lead_id", code=refused.code, message=refused.message))
        lead_id = lead_id[:MAX_ATTRIBUTE]
    if reasons:
        return LeadRejected(lead_id=lead_id, origin=origin, reasons=reasons)
    contact_key = identity.contact_key(email=known.email, phone=known.phone)
    return made(
        LeadValidated, {"lead_id": lead_id, "contact_key": contact_key, "origin": origin, "lead": known}
    )
