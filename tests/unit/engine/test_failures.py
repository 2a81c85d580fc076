"""How an error becomes a letter, and when it is retried."""

from __future__ import annotations

from datetime import timedelta

import pytest

from actions.errors import PermanentError, TransientError
from actions.ports import Contacts, Identity
from streams.onboarding import ONBOARDING
from streams.store.engine import Database
from streams.testing import (
    Cluster,
    World,
    adapters_of,
    lead,
)
from tests.support.workflow import RECEIVED, letter_of, with_function, with_letter
from topics.events import (
    ContactUpserted,
    LeadMatched,
)
from topics.letter import without_letter


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TransientError("BUSY", retry_after=timedelta.max), "BUSY"),
        (PermanentError("REFUSED", "550 \udcff"), "REFUSED"),
    ],
)
async def test_whatever_an_action_raises_becomes_a_letter(
    database: Database, world: World, error: Exception, code: str
) -> None:
    async def fails(lead: LeadMatched, *, contacts: Contacts, identity: Identity) -> ContactUpserted:
        raise error

    workflow = with_function(ONBOARDING, "create_or_update_contact", fails)
    cluster = Cluster(workflow, adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())

    await cluster.settle()

    assert [letter_of(record).code for record in cluster.letters] == [code]


@pytest.mark.parametrize(
    ("error", "first_time", "due"),
    [
        (TransientError("BUSY", retry_after=timedelta(minutes=7)), None, "2026-11-23T09:07:00.000000Z"),
        (TransientError("BUSY"), b"2026-11-22T09:00:00Z", None),
        (
            TransientError("BUSY", retry_after=timedelta(hours=9)),
            b"2026-11-22T10:00:00Z",
            "2026-11-23T10:00:00.000000Z",
        ),
    ],
)
async def test_the_other_sides_word_and_the_end_of_patience_decide_when_it_is_tried_again(
    database: Database, world: World, error: TransientError, first_time: bytes | None, due: str | None
) -> None:
    async def fails(lead: LeadMatched, *, contacts: Contacts, identity: Identity) -> ContactUpserted:
        raise error

    workflow = with_function(ONBOARDING, "create_or_update_contact", fails)
    cluster = Cluster(workflow, adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()
    record = cluster.letters[0]
    if first_time is not None:
        long_ago = with_letter(record.headers, first_time=first_time)
        cluster.log.append(cluster.names.requests, record.key, record.value, long_ago)
        await cluster.settle()

    assert letter_of(cluster.letters[-1]).next_attempt == due


async def test_a_letter_is_the_record_to_the_byte(cluster: Cluster) -> None:
    headers = [("b", b"\xff\x00"), ("a", b"1"), ("a", b"2"), ("a", None), ("c", b"")]
    record = cluster.log.append(RECEIVED, b"\x00key ", b" {poison\xff\r\n ", headers)

    await cluster.settle()

    (letter,) = cluster.letters
    assert (letter.key, letter.value) == (record.key, record.value)
    assert without_letter(letter.headers) == headers
