"""The moment until which a store knows what happened, and the mark that keeps workers from it."""

from __future__ import annotations

import pytest

from streams.operations.recovery.watermark import (
    is_behind,
    knows_until,
    mark_as_behind,
    mark_as_caught_up,
)
from streams.store import ledger, marks
from streams.store.engine import Database
from tests.support.ledger_rows import ledger_row


def store_with(database: Database, *, newest: int | None, copied: int | None = None) -> Database:
    """Return the store with an execution and a backup mark at these moments (microseconds)."""
    if newest is not None:
        rows = [ledger_row(1, done_at=newest - 1), ledger_row(2, done_at=newest)]
        database.transact(lambda connection: ledger.insert(connection, rows))
    if copied is not None:
        database.transact(lambda connection: marks.put(connection, marks.BACKED_UP, copied))
    return database


@pytest.mark.parametrize(
    ("newest", "copied", "moment"),
    [(None, None, None), (None, 70, None), (90, None, 90), (90, 70, 70), (70, 90, 70)],
)
def test_a_store_knows_until_its_newest_execution_or_its_copy_whichever_is_earlier(
    database: Database, newest: int | None, copied: int | None, moment: int | None
) -> None:
    assert store_with(database, newest=newest, copied=copied).transact(knows_until) == moment


def test_a_store_that_is_marked_keeps_its_moment_while_it_takes_in_newer_executions(
    database: Database,
) -> None:
    store = store_with(database, newest=50)
    first = store.transact(mark_as_behind)
    store.transact(lambda connection: ledger.insert(connection, [ledger_row(3, done_at=90)]))

    assert (first, store.transact(mark_as_behind)) == (50, 50)
    assert store.transact(is_behind)


def test_an_empty_store_catches_up_from_the_beginning(database: Database) -> None:
    assert database.transact(mark_as_behind) == 0
    assert database.transact(is_behind)


def test_a_store_that_caught_up_is_no_copy_any_more(database: Database) -> None:
    store = store_with(database, newest=90, copied=70)
    store.transact(mark_as_behind)

    store.transact(mark_as_caught_up)

    assert not store.transact(is_behind)
    assert store.transact(knows_until) == 90
