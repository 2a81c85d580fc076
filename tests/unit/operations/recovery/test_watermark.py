"""Up to which moment a store knows, and the mark that keeps workers from it."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from streams.operations.recovery.watermark import is_behind, knows_until, mark_as_behind, mark_as_caught_up
from streams.store import ledger, marks
from streams.store.engine import Database
from tests.support.workflow import ROW


def test_a_store_knows_until_its_newest_execution_or_the_moment_of_its_copy(database: Database) -> None:
    def unit(connection: Connection) -> list[int | None]:
        found = [knows_until(connection)]
        ledger.insert(connection, [ROW._replace(id=bytes([n]) * 16, done_at=n * 10) for n in (1, 3, 2)])
        found.append(knows_until(connection))
        marks.put(connection, marks.BACKED_UP, 25)
        found.append(knows_until(connection))
        marks.put(connection, marks.BACKED_UP, 99)
        return [*found, knows_until(connection)]

    assert database.transact(unit) == [None, 30, 25, 30]


def test_a_store_that_is_marked_keeps_its_first_moment_until_it_caught_up(database: Database) -> None:
    def unit(connection: Connection) -> list[object]:
        found: list[object] = [is_behind(connection), mark_as_behind(connection)]
        ledger.insert(connection, [ROW._replace(done_at=77)])
        found += [is_behind(connection), mark_as_behind(connection)]
        mark_as_caught_up(connection)
        return [*found, is_behind(connection), knows_until(connection)]

    assert database.transact(unit) == [False, 0, True, 0, False, 77]
