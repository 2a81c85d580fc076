"""Holds the topic registry to the public contract."""

from __future__ import annotations

from datetime import timedelta

import pytest

from topics.events import EVENTS, LeadReceived
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
