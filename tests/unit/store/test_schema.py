"""Test that the migrations result in the tables that the code expects."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from streams.store.migrate import differences, open_database


def test_the_migrations_end_in_the_tables_of_the_code(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'leads.db'}")

    missing = database.transact(differences)
    database.transact(lambda connection: connection.execute(sa.text("DROP INDEX letters_indexed_at")))

    assert (missing, len(database.transact(differences))) == ([], 1)
    database.close()
