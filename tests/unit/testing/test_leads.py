"""The kit's leads are read as those of other services are."""

from __future__ import annotations

from streams.testing import event_headers, lead
from topics.decode import Position, decode
from topics.events import LeadReceived


def test_a_lead_of_the_kit_is_decoded_with_its_fields_and_attributes() -> None:
    value = lead(email="max@example.com", company="Acme")

    decoded = decode(
        value, event_headers("e-1", time="2026-11-24T08:00:00Z"), LeadReceived, Position("t", 0, 0, 0)
    )

    assert isinstance(decoded.event, LeadReceived)
    assert decoded.event.model_dump(exclude_none=True) == {
        "email": "max@example.com",
        "name": "Jane Doe",
        "company": "Acme",
    }
    assert (decoded.envelope.id, decoded.envelope.source) == ("e-1", "/web")
    assert decoded.envelope.time.startswith("2026-11-24T08:00:00")
