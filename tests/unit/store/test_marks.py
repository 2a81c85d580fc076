"""Test marks of the store, each with one moment per name."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from streams.store import marks
from streams.store.engine import Database


def test_a_mark_is_set_over_the_one_before_and_taken_away(database: Database) -> None:
    def unit(connection: Connection) -> list[int | None]:
        moments = [marks.get(connection, marks.CATCH_UP)]
        for moment in (5, 7):
            marks.put(connection, marks.CATCH_UP, moment)
        marks.put(connection, marks.BACKED_UP, 9)
        moments.append(marks.get(connection, marks.CATCH_UP))
        marks.clear(connection, marks.CATCH_UP)
        return [*moments, marks.get(connection, marks.CATCH_UP), marks.get(connection, marks.BACKED_UP)]

    assert database.transact(unit) == [None, 7, None, 9]
