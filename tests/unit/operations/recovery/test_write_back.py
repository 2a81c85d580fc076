"""Writing back to ledger and effects what topics show, beside what the store knows already."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from streams.operations.recovery.write_back import (
    RECOVERED_BY,
    Trace,
    add_rows,
    called,
    released,
    suspected,
)
from streams.store import ledger
from streams.store.engine import Database
from streams.store.ledger import LedgerRow
from streams.store.schema import CALLED, FAILED, INTENT, RELEASED, effects
from tests.support.ledger_rows import ledger_row

MINE, OTHERS = b"m" * 16, b"o" * 16
TRACE = Trace("welcome:jane", MINE, "send-welcome-email", at_us=50, reference="<1@a.example>")
KNOWN = {"key": TRACE.key, "action": TRACE.action, "reference": None, "worker": "w-1", "changed_at": 40}
COLUMNS = (effects.c.ledger_id, effects.c.status, effects.c.reference, effects.c.worker, effects.c.changed_at)
DONE_ROW = ledger_row(1, done_at=60)


def failed(generation: int) -> LedgerRow:
    return ledger_row(
        1, status=FAILED, generation=generation, code="DEFECT", result=None, result_type=None, done_at=50
    )


@pytest.mark.parametrize(
    ("known", "learnt", "kept"),
    [
        (None, DONE_ROW, DONE_ROW),
        (None, failed(2), failed(2)),
        (failed(2), failed(3), failed(3)),
        (failed(2), failed(2)._replace(code="OTHER"), failed(2)),
        (failed(2), failed(1), failed(2)),
        (failed(2), DONE_ROW, DONE_ROW._replace(generation=3)),
        (DONE_ROW, failed(4), DONE_ROW),
        (DONE_ROW, DONE_ROW._replace(result=b"another"), DONE_ROW),
    ],
    ids=[
        "a new result",
        "a new failure",
        "a later failure",
        "the same failure",
        "an earlier failure",
        "a result after failures",
        "a failure before the result",
        "a known result",
    ],
)
def test_the_ledger_takes_what_is_new_and_later_outcomes_of_what_failed(
    database: Database, known: LedgerRow | None, learnt: LedgerRow, kept: LedgerRow
) -> None:
    if known is not None:
        database.transact(lambda connection: ledger.insert(connection, [known]))

    written = database.transact(lambda connection: add_rows(connection, [learnt]))

    assert written == ([] if kept == known else [kept])
    assert database.transact(lambda connection: ledger.find(connection, [learnt.id])) == {learnt.id: kept}


def test_failures_and_the_result_of_one_execution_in_one_batch_leave_the_result(database: Database) -> None:
    database.transact(lambda connection: add_rows(connection, [failed(0), failed(1), DONE_ROW]))

    found = database.transact(lambda connection: ledger.find(connection, [DONE_ROW.id]))
    assert found == {DONE_ROW.id: DONE_ROW._replace(generation=2)}


def effect(database: Database) -> tuple[object, ...] | None:
    row = database.transact(lambda connection: connection.execute(sa.select(*COLUMNS)).one_or_none())
    return None if row is None else (bytes(row[0]), *row[1:])


def know(database: Database, holder: bytes, status: int) -> tuple[object, ...]:
    """Let the store know the call, held by an execution. Return the row."""
    statement = sa.insert(effects).values(ledger_id=holder, status=status, **KNOWN)
    database.transact(lambda connection: connection.execute(statement))
    row = effect(database)
    assert row is not None
    return row


def recovered(status: int) -> tuple[object, ...]:
    return (MINE, status, TRACE.reference, RECOVERED_BY, TRACE.at_us)


@pytest.mark.parametrize("status", [None, INTENT, RELEASED])
def test_a_call_that_a_result_proves_was_made_whatever_the_store_knew(
    database: Database, status: int | None
) -> None:
    if status is not None:
        know(database, OTHERS, status)

    new = database.transact(lambda connection: called(connection, [TRACE, TRACE]))

    assert (new, effect(database)) == (1, recovered(CALLED))


def test_a_call_that_is_known_to_be_made_keeps_its_row(database: Database) -> None:
    before = know(database, OTHERS, CALLED)

    new = database.transact(lambda connection: called(connection, [TRACE]))
    held = database.transact(lambda connection: suspected(connection, [TRACE]))
    database.transact(lambda connection: released(connection, [TRACE]))

    assert (new, held, effect(database)) == (0, [], before)


def test_a_failure_after_which_no_call_was_made_releases_the_intent_of_its_own_execution_alone(
    database: Database,
) -> None:
    others = know(database, OTHERS, INTENT)
    database.transact(lambda connection: released(connection, [TRACE]))
    untouched = effect(database)
    database.transact(lambda connection: connection.execute(sa.delete(effects)))
    know(database, MINE, INTENT)

    database.transact(lambda connection: released(connection, [TRACE]))

    assert untouched == others
    assert effect(database) == recovered(RELEASED)


@pytest.mark.parametrize(
    ("holder", "status", "is_held"),
    [
        (None, None, True),
        (OTHERS, RELEASED, True),
        (MINE, INTENT, True),
        (OTHERS, INTENT, False),
    ],
    ids=["unknown", "released", "an intent of its own", "an intent of another execution"],
)
def test_a_call_that_may_have_been_made_becomes_an_intent_unless_another_execution_holds_it(
    database: Database, holder: bytes | None, status: int | None, *, is_held: bool
) -> None:
    before = None if holder is None or status is None else know(database, holder, status)

    held = database.transact(lambda connection: suspected(connection, [TRACE]))

    assert held == ([TRACE] if is_held else [])
    assert effect(database) == (recovered(INTENT) if is_held else before)
