"""Rebuilding the index of dead letters, also beside records that none of our programs wrote."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from streams.operations.recovery.reindexing import Reindexed, Reindexer, Report
from streams.store.schema import letters
from streams.testing import Rehearsal, lead
from streams.testing.leads import event_headers
from tests.support.letters import row
from tests.support.reading_back import RememberedLog
from topics.letter import PREFIX, sha256_of


@pytest.fixture
def onboarding() -> Iterator[Rehearsal]:
    with Rehearsal() as rehearsal:
        yield rehearsal


def reindexed(onboarding: Rehearsal, report: Report = lambda *_: None) -> Reindexed:
    """Delete every letter from the index and rebuild it from the topics."""
    cluster = onboarding.cluster
    cluster.database.transact(lambda connection: connection.execute(sa.delete(letters)))
    log = RememberedLog(cluster.log)
    made = Reindexer(cluster.installation, log, report)
    return asyncio.run(made.run())


def statuses(onboarding: Rehearsal) -> list[tuple[str, str]]:
    query = sa.select(letters.c.code, letters.c.status).order_by(letters.c.code)
    return [
        tuple(row) for row in onboarding.cluster.database.transact(lambda link: link.execute(query).all())
    ]


@pytest.mark.parametrize(
    "act",
    [
        {"act": "schedule"},
        {"act": "schedule", "due": "9999-12-31T23:59:59.999999Z"},
        {"act": "schedule", "due": ["x"]},
        {"act": ["discard"]},
        {"act": "discard", "about": ["x"]},
        {"act": "discard", "about": "\x00"},
        {"act": "discard", "generation": "0"},
        ["discard"],
    ],
)
def test_a_foreign_record_on_the_audit_topic_ends_no_reindexing_and_decides_nothing(
    onboarding: Rehearsal, act: object
) -> None:
    onboarding.publish(b"{poison", "e-1")
    (letter,) = onboarding.letters
    entry = {"about": letter.id, "generation": 0, **act} if isinstance(act, dict) else act
    onboarding.cluster.log.append(onboarding.cluster.names.audit, b"k", json.dumps(entry).encode(), [])
    onboarding.cluster.log.append(onboarding.cluster.names.letters, None, b"\xff", [(PREFIX + "id", b"\xff")])

    done = reindexed(onboarding)

    assert done == Reindexed(letters=1, foreign=1)
    assert statuses(onboarding) == [("NOT_JSON", "parked")]


def test_a_letter_of_another_build_that_this_one_has_done_is_not_open_again(onboarding: Rehearsal) -> None:
    cluster, value = onboarding.cluster, lead(email="ann@example.com")
    newer = row(1, action_version=99, stage="validate", code="UNKNOWN_FIELD", value_sha256=sha256_of(value))
    cluster.log.append(cluster.names.letters, b"k", value, [*event_headers("e-1"), *newer.letter.headers()])
    onboarding.settle()
    onboarding.replay()

    done = reindexed(onboarding)

    assert done == Reindexed(letters=1, resolved=1)
    assert statuses(onboarding) == [("UNKNOWN_FIELD", "resolved")]


def test_a_letter_of_a_reused_id_stays_open_whatever_its_namesake_has_done(onboarding: Rehearsal) -> None:
    onboarding.publish(lead(email="ann@example.com"), "e-1")
    onboarding.publish(lead(email="bob@example.com"), "e-1")

    done = reindexed(onboarding)

    assert done == Reindexed(letters=1)
    assert statuses(onboarding) == [("ID_REUSED", "parked")]


def test_what_was_erased_does_not_come_back_not_even_for_a_moment(onboarding: Rehearsal) -> None:
    onboarding.publish(b"{poison", "e-1")
    (letter,) = onboarding.letters
    entry = {"act": "erase", "about": letter.id, "generation": 0}
    cluster = onboarding.cluster
    cluster.log.append(cluster.names.audit, b"k", json.dumps(entry).encode(), [])
    query = sa.select(letters.c.record_value)
    values: list[object] = []

    def look(*_: object) -> None:
        values.extend(cluster.database.transact(lambda link: link.execute(query).scalars().all()))

    reindexed(onboarding, look)

    assert values
    assert set(values) == {None}
    assert statuses(onboarding) == [("NOT_JSON", "erased")]
