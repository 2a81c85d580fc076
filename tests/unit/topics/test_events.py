"""Events: what is absent is not written, and writers are closed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.unit.topics.test_decode import MATCHED
from topics.events import Contact, ContactUpserted, LeadMatched, LeadReceived, encode


def test_an_event_is_written_without_what_is_absent_and_read_back_the_same() -> None:
    event = ContactUpserted(
        lead_id="L1",
        contact_key="k",
        contact_id="c",
        outcome="created",
        changed=["email"],
        revision=1,
        contact=Contact(email="j@example.com", attributes={"budget": 1.0, "is_vip": True}),
    )

    value = encode(event)

    assert b"null" not in value
    assert ContactUpserted.model_validate_json(value) == event


def test_a_writer_of_our_events_is_closed() -> None:
    with pytest.raises(ValidationError, match="shoe_size"):
        LeadMatched(**MATCHED, shoe_size=42)  # type: ignore[call-arg]


def test_unknown_fields_of_a_received_lead_are_its_extras() -> None:
    received = LeadReceived.model_validate({"email": "a@example.com", "shoe_size": 42})

    assert received.extras == {"shoe_size": 42}
