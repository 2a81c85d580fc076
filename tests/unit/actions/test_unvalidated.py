"""Shows that a model made without validation equals the validated one in all that can be seen."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from actions.unvalidated import made
from topics.events import Lead, LeadValidated, Origin, encode

ORIGIN = {"event_id": "e", "source": "/web", "time": "2026-11-23T20:15:00.000000Z"}
LEAD = dict.fromkeys(Lead.model_fields) | {
    "email": "anna@example.com",
    "attributes": {"budget": 1, "note": "x"},
}
EVENT = {
    "lead_id": "lead-1",
    "contact_key": "key",
    "origin": made(Origin, dict(ORIGIN)),
    "lead": made(Lead, dict(LEAD)),
    "notes": [],
}


def test_a_made_model_equals_the_validated_one() -> None:
    by_hand = made(LeadValidated, dict(EVENT))

    lead = Lead.model_validate(LEAD)
    validated = LeadValidated(
        lead_id="lead-1", contact_key="key", origin=Origin(**ORIGIN), lead=lead, notes=[]
    )

    assert by_hand == validated
    assert by_hand.model_fields_set == validated.model_fields_set
    assert by_hand.lead.model_fields_set == validated.lead.model_fields_set
    assert by_hand.model_dump_json() == validated.model_dump_json()
    assert encode(by_hand) == encode(validated)
    assert repr(by_hand) == repr(validated)


def test_a_made_model_is_frozen_and_copies_apart() -> None:
    lead = made(Lead, dict(LEAD))
    other = made(Lead, dict(LEAD))

    copy = lead.model_copy(update={"email": "ben@example.com"})
    copy.model_fields_set.clear()

    with pytest.raises(ValidationError, match="frozen"):
        lead.email = "ben@example.com"  # type: ignore[misc]  # that is the point
    assert (lead.email, lead.model_fields_set) == ("anna@example.com", set(Lead.model_fields))
    assert other.model_fields_set == set(Lead.model_fields)
