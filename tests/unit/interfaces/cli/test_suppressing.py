"""`leads suppress` and `leads unsuppress` as a person calls them, without a broker."""

from __future__ import annotations

from typing import Any

import pytest

from streams.interfaces.cli import suppressing
from streams.kafka.producer import Outgoing
from tests.support.in_process import Leads
from topics.decode import Position, decode
from topics.events import ContactSuppressed


@pytest.fixture
def sent(leads: Leads) -> list[Outgoing]:
    """What the commands would publish."""
    records: list[Outgoing] = []

    async def keep(settings: Any, address: Any, record: Outgoing) -> None:  # noqa: ANN401 - as the real one
        records.append(record)

    leads.monkeypatch.setattr(suppressing, "_send", keep)
    return records


def event_of(record: Outgoing) -> ContactSuppressed:
    place = Position(record.topic, 0, 0, 0)
    event = decode(record.value, record.headers, ContactSuppressed, place).event
    assert isinstance(event, ContactSuppressed)
    return event


@pytest.mark.parametrize(
    ("arguments", "field", "reason"),
    [
        (["suppress", "Ada@Example.com"], "email", "operator"),
        (["suppress", "ada@example.com", "--reason", "unsubscribed"], "email", "unsubscribed"),
        (["suppress", "+49 170 1234567", "--reason", "complained"], "phone", "complained"),
        (["unsuppress", "ada@example.com"], "email", "lifted"),
    ],
)
def test_what_is_published_is_an_event_that_a_worker_reads(
    leads: Leads, sent: list[Outgoing], arguments: list[str], field: str, reason: str
) -> None:
    done = leads.run(*arguments)

    assert done.code == 0, done.err
    assert "@" not in done.err
    (record,) = sent
    event = event_of(record)
    assert (getattr(event, field), event.reason) == (arguments[1], reason)
    assert event.time is not None


@pytest.mark.parametrize("person", ["nobody", "ada@", "12", " ", "a@example.com, b@example.com"])
def test_who_cannot_be_recognised_is_refused_before_anything_is_published(
    leads: Leads, sent: list[Outgoing], person: str
) -> None:
    refused = leads.run("suppress", person)

    assert (refused.code, sent) == (2, [])
    assert refused.err.count("\n") == 1
    assert refused.err.startswith("Error: ")
