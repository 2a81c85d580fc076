"""Test that an execution replaces only the failure it replays, and is deleted with the effect of its run."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Connection

from streams.store import ledger
from streams.store.engine import ConflictError, Database
from streams.store.schema import DONE, FAILED
from tests.support.workflow import ROW

FAILURE = ROW._replace(id=b"f" * 16, status=FAILED, generation=1, result=b"{}", code="AWAY", done_at=5)


def test_an_outcome_is_written_over_the_failure_of_its_generation_only(database: Database) -> None:
    outcome = FAILURE._replace(status=DONE, result=b"done", code=None, generation=2)

    def unit(connection: Connection) -> ledger.LedgerRow:
        ledger.insert(connection, [FAILURE])
        with pytest.raises(ConflictError, match="another worker replayed this letter first"):
            ledger.replace_failed(connection, [(outcome, 0)])
        ledger.replace_failed(connection, [(outcome, 1)])
        with pytest.raises(ConflictError):
            ledger.replace_failed(connection, [(outcome._replace(result=b"other"), 1)])
        return ledger.find(connection, [FAILURE.id, b"absent"])[FAILURE.id]

    assert database.transact(unit) == outcome


def test_rows_of_a_lead_and_of_a_contact_are_read_oldest_first(database: Database) -> None:
    rows = [
        FAILURE._replace(id=bytes([number]) * 16, lead_id="lead", contact_key="key", done_at=moment)
        for number, moment in ((1, 30), (2, 10), (3, 20))
    ]
    other = FAILURE._replace(id=b"o" * 16, lead_id="another", contact_key="another")
    database.transact(lambda connection: ledger.insert(connection, [*rows, other]))

    in_order = [rows[1], rows[2], rows[0]]
    assert database.transact(lambda connection: ledger.of_lead(connection, "lead")) == in_order
    assert database.transact(lambda connection: ledger.of_contact(connection, "key")) == in_order


def test_pruning_takes_the_oldest_up_to_its_limit(database: Database) -> None:
    rows = [FAILURE._replace(id=bytes([number]) * 16, done_at=number) for number in range(1, 6)]

    def unit(connection: Connection) -> tuple[int, set[bytes]]:
        ledger.insert(connection, rows)
        taken = ledger.prune(connection, before_us=5, limit=3, of_runs={})
        return taken, set(ledger.find(connection, [row.id for row in rows]))

    assert database.transact(unit) == (3, {rows[3].id, rows[4].id})
