"""Letters get into the index whatever their headers hold, and copies of a letter do not reopen it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from actions.errors import PermanentError
from streams.engine.indexing import row_of
from streams.onboarding import ONBOARDING
from streams.store import letters
from streams.store.engine import Database
from streams.store.schema import letters as letters_table
from streams.testing import (
    Cluster,
    World,
    adapters_of,
    event_headers,
    lead,
)
from streams.testing.log import LogRecord
from tests.support.letters import row
from tests.support.workflow import ALL, RECEIVED, letter_of, with_function, with_letter
from topics.events import (
    ContactUpserted,
    LeadAssigned,
    LeadMatched,
)
from topics.letter import without_letter


async def standing(cluster: Cluster) -> tuple[str, str | None]:
    """Return status and resolution of the one letter."""
    (row,) = await cluster.database.run(lambda connection: letters.find(connection, statuses=ALL))
    return row.status, row.resolution


async def test_a_copy_of_a_record_that_failed_never_passes_for_it(cluster: Cluster, world: World) -> None:
    world.go_down()
    cluster.log.append(RECEIVED, b"k", b'{"email": "jane@example.com", "city": "Bonn"}', event_headers("e-1"))
    await cluster.settle()

    cluster.log.append(RECEIVED, b"k", b'{"city":"Bonn","email":"jane@example.com"}', event_headers("e-1"))
    await cluster.settle()

    failed, copy = cluster.records(LeadAssigned)
    assert failed.headers != copy.headers  # each names the record it began with
    for record in cluster.letters:
        assert letter_of(record).offset == failed.offset
        assert (record.key, record.value, without_letter(record.headers)) == (
            failed.key,
            failed.value,
            failed.headers,
        )


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


@pytest.mark.parametrize("step", ["create_or_update_contact", "send_welcome_email"])
async def test_a_letter_that_is_indexed_anew_is_closed_by_the_first_request_as_done_before(
    database: Database, world: World, step: str
) -> None:
    works = ONBOARDING.step(step).action.function
    outcomes = iter([PermanentError("REFUSED")])

    async def fails_once(event: LeadMatched, **ports: object) -> ContactUpserted:
        if error := next(outcomes, None):
            raise error
        return await works(event, **ports)  # type: ignore[return-value]

    cluster = Cluster(with_function(ONBOARDING, step, fails_once), adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()
    (record,) = cluster.letters
    cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
    await cluster.settle()
    cluster.log.append(cluster.names.letters, record.key, record.value, record.headers)
    await cluster.settle()
    assert await standing(cluster) == ("resolved", "resolved")  # a copy opens nothing

    await cluster.database.run(lambda connection: connection.execute(sa.delete(letters_table)))
    cluster.log.append(cluster.names.letters, record.key, record.value, record.headers)
    await cluster.settle()
    assert await standing(cluster) == ("parked", None)
    cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
    await cluster.settle()

    assert await standing(cluster) == ("resolved", "noop")
    assert len(world.mails) == 1


@pytest.mark.parametrize(
    ("headers", "value"),
    [([("ce_type", b"crm.x"), ("ce_subject", b"lead/\x1b[2J")], b"{}"), ([], b'{"lead_id": "\\u001b[2J"}')],
)
def test_what_is_no_id_of_a_lead_is_not_indexed_as_one(
    headers: list[tuple[str, bytes | None]], value: bytes
) -> None:
    record = LogRecord("t", 0, 0, 0, None, value, [*headers, *row(1).letter.headers()])

    found = row_of(record)

    assert found is not None
    assert found.lead_id is None
