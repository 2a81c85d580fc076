"""Makes the events that the tests of actions begin with."""

from __future__ import annotations

from topics.envelope import Envelope
from topics.events import (
    Contact,
    ContactUpserted,
    Lead,
    LeadAssigned,
    LeadMatched,
    LeadReceived,
    LeadValidated,
    Origin,
    Owner,
)

TIME = "2026-11-23T20:15:00.000000Z"
KIM = Owner(id="kim", name="Kim Berg", email="kim@example.com")
LOU = Owner(id="lou", name="Lou Sand", email="lou@example.com")

ENVELOPE = Envelope(
    id="event-1",
    source="/web",
    type=LeadReceived.type,
    time=TIME,
    correlation_id="run-1",
    position="crm.leads.received.v1/0/0",
)
ORIGIN = Origin(event_id="event-1", source="/web", time=TIME)
ANNA = Lead(email="anna@example.com", phone="+491701234567", name="Anna Schmidt")
ANNA_KEY = "key of anna@example.com"
CONTACT = Contact(email="anna@example.com", phone="+491701234567", name="Anna Schmidt")


def envelope(*, origin: str = "live", correlation_id: str = "run-1") -> Envelope:
    return ENVELOPE._replace(origin=origin, correlation_id=correlation_id)


def origin(event_id: str, time: str = TIME, source: str = "/web") -> Origin:
    return Origin(event_id=event_id, source=source, time=time)


def validated(lead: Lead = ANNA, contact_key: str = ANNA_KEY) -> LeadValidated:
    return LeadValidated(lead_id="lead-1", contact_key=contact_key, origin=ORIGIN, lead=lead)


def matched(lead: Lead = ANNA, *, origin: Origin = ORIGIN, lead_id: str = "lead-1") -> LeadMatched:
    return LeadMatched(
        lead_id=lead_id,
        contact_key=ANNA_KEY,
        verdict="new",
        rule="none",
        score=0.0,
        origin=origin,
        lead=lead,
    )


def upserted(contact_key: str = ANNA_KEY) -> ContactUpserted:
    return ContactUpserted(
        lead_id="lead-1",
        contact_key=contact_key,
        contact_id=f"id of {contact_key}",
        outcome="created",
        changed=["email"],
        revision=1,
        contact=CONTACT,
        source="web-form",
        message="Please call me.",
    )


def assigned(contact: Contact = CONTACT, *, lead_id: str = "lead-1") -> LeadAssigned:
    return LeadAssigned(
        lead_id=lead_id,
        contact_key=ANNA_KEY,
        contact_id="id of anna",
        owner=KIM,
        strategy="round-robin",
        candidates=["kim", "lou"],
        reason="The contact had no owner; turn 0 of the round is kim's.",
        contact=contact,
    )
