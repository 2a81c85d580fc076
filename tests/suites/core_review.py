"""This file is the suite of what once wedged an agent or told a lie; it runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from streams.onboarding import ONBOARDING
from streams.store import letters
from streams.store.engine import Database
from tests.suites.onboarding import RECEIVED
from tests.support.memory import Cluster
from tests.support.onboarding import World, adapters_of, event_headers, lead
from topics.envelope import Headers
from topics.letter import PREFIX


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def cluster(database: Database, world: World) -> Cluster:
    return Cluster(ONBOARDING, adapters_of(world), database)


def with_letter(headers: Headers, **changed: bytes) -> Headers:
    """Give a letter's headers with other values, as somebody else may write them."""
    values = {PREFIX + name.replace("_", "."): value for name, value in changed.items()}
    return [(name, values.get(name, value)) for name, value in headers]


async def test_a_subject_that_no_database_takes_does_not_stop_the_index(cluster: Cluster) -> None:
    headers = [
        (name, b"lead/a\x00b" if name == "ce_subject" else value) for name, value in event_headers("e-1")
    ]
    cluster.log.append(RECEIVED, b"k", lead(), headers)
    cluster.log.append(RECEIVED, b"k", b"not json")

    await cluster.settle()

    rows = await cluster.database.run(letters.find)
    assert sorted(row.letter.code for row in rows) == ["BAD_ATTRIBUTE", "NOT_JSON"]


@pytest.mark.parametrize(
    "header",
    [
        {"generation": b"99999999999"},
        {"generation": b"-7"},
        {"time": b"2026-11-23T20:15:00.000000+00:00:00.000001"},
        {"first_time": b"2026-11-23T20:15:00.000000+00:00:00.000001"},
    ],
)
async def test_letter_headers_that_no_index_takes_stop_neither_letters_nor_requests(
    cluster: Cluster, header: dict[str, bytes]
) -> None:
    cluster.log.append(RECEIVED, b"k", b"not json")
    await cluster.settle()
    (record,) = cluster.letters
    odd = with_letter(record.headers, **header)
    cluster.log.append(cluster.names.requests, record.key, record.value, odd)
    cluster.log.append(cluster.names.letters, record.key, record.value, odd)
    cluster.log.append(RECEIVED, b"k", b"neither is this")

    await cluster.settle()

    rows = await cluster.database.run(letters.find)
    assert sorted(row.letter.code for row in rows) == ["BAD_REQUEST", "NOT_JSON", "NOT_JSON"]


async def test_a_letter_that_the_database_refuses_keeps_no_other_out_of_the_index(cluster: Cluster) -> None:
    await cluster.database.run(lambda c: c.execute(sa.text("CREATE UNIQUE INDEX one ON letters (code)")))
    for value in (b"not json", b"neither is this", b"\xff", b"17"):
        cluster.log.append(RECEIVED, b"k", value)

    await cluster.settle()

    rows = await cluster.database.run(letters.find)
    assert sorted(row.letter.code for row in rows) == ["NOT_AN_OBJECT", "NOT_JSON", "NOT_UTF8"]
