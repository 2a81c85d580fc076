"""Test reading and writing many rows in one statement, on both databases."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from streams.store.bulk import SQLITE_PARAMETERS, delete_in, insert_many, select_in, update_many
from streams.store.engine import Database
from streams.store.schema import marks


def names(connection: Connection, wanted: list[str]) -> dict[str, int]:
    return dict(select_in(connection, [marks.c.name, marks.c.moment], marks.c.name, wanted))  # type: ignore[arg-type]


def test_rows_are_written_found_changed_and_deleted_by_key(database: Database) -> None:
    def unit(connection: Connection) -> None:
        insert_many(connection, marks, ["name", "moment"], [("a", 1), ("b", 2), ("c", 3)])
        assert names(connection, ["a", "c", "absent"]) == {"a": 1, "c": 3}

        changed = update_many(
            connection, marks, ["moment"], ["name", "moment"], [(10, "a", 1), (20, "b", 99)]
        )
        assert changed == 1, "only where all keys fit"
        delete_in(connection, marks.c.name, ["c", "absent"])

        assert names(connection, ["a", "b", "c"]) == {"a": 10, "b": 2}

    database.transact(unit)


def test_nothing_asked_is_nothing_done(database: Database) -> None:
    def unit(connection: Connection) -> None:
        insert_many(connection, marks, ["name", "moment"], [])
        insert_many(connection, marks, ["name", "moment"], [("a", 1)])
        delete_in(connection, marks.c.name, [])
        assert update_many(connection, marks, ["moment"], ["name"], []) == 0
        assert (names(connection, []), names(connection, ["a"])) == ({}, {"a": 1})

    database.transact(unit)


def test_more_keys_than_a_statement_takes_are_found(database: Database) -> None:
    def unit(connection: Connection) -> None:
        last = str(SQLITE_PARAMETERS + 5)
        insert_many(connection, marks, ["name", "moment"], [("0", 0), (last, 1)])
        assert names(connection, [str(number) for number in range(SQLITE_PARAMETERS + 6)]) == {
            "0": 0,
            last: 1,
        }

    database.transact(unit)
