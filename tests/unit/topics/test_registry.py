"""Holds the topic registry to the public contract."""

from __future__ import annotations

from datetime import timedelta

import pytest

from topics import ids
from topics.events import EVENTS, Contact, ContactUpserted, LeadReceived, encode
from topics.registry import KIB, LETTERS, LONGEST_RETENTION, MIB, REQUESTS, TOPICS, TopicNames


def test_every_event_has_one_topic_and_one_type() -> None:
    assert {spec.event for spec in TOPICS} - {None} == set(EVENTS)
    assert len({spec.name for spec in TOPICS}) == len(TOPICS) == len(EVENTS) + 3
    assert len({event.type for event in EVENTS}) == len(EVENTS)


def test_every_accepted_record_fits_into_its_letter() -> None:
    names = TopicNames("test.")
    letters, requests = names.spec(names.letters), names.spec(names.requests)
    received = names.spec(names.of(LeadReceived))

    assert received.max_message_bytes == 512 * KIB
    assert min(letters.max_message_bytes, requests.max_message_bytes) == 2 * MIB
    assert letters.retention == LONGEST_RETENTION == timedelta(days=28)


def test_names_carry_the_prefix_and_foreign_ones_are_unknown() -> None:
    names = TopicNames("test.")

    assert (names.requests, names.letters) == (f"test.{REQUESTS}", f"test.{LETTERS}")
    with pytest.raises(KeyError):
        names.spec("crm.leads.received.v1")


def test_derived_ids_are_uuid5_of_compact_json_for_ever() -> None:
    assert str(ids.derive("/web", "e-1", "validate-lead", 1)) == ids.result_id(
        "/web", "e-1", "validate-lead", 1
    )
    assert ids.run_id("/web", "e-1") == "7b126571-1553-5883-93a7-40a9ef1cfd02"


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
