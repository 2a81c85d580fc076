"""Test that opening a database migrates it to the schema of this build."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from streams.store.engine import StoreUnavailableError
from streams.store.migrate import differences, open_database
from streams.store.schema import contacts


def test_a_new_file_gets_its_folder_and_all_tables(tmp_path: Path) -> None:
    opened = open_database(f"sqlite:///{tmp_path / 'new' / 'leads.db'}")

    assert opened.transact(differences) == []
    opened.close()


def test_opening_again_changes_nothing(database_url: str) -> None:
    for _ in range(2):
        opened = open_database(database_url)
        assert opened.transact(lambda connection: connection.execute(sa.select(contacts)).all()) == []
        opened.close()


def test_a_folder_in_place_of_the_file_is_an_absent_store(tmp_path: Path) -> None:
    (tmp_path / "leads.db").mkdir()

    with pytest.raises(StoreUnavailableError):
        open_database(f"sqlite:///{tmp_path / 'leads.db'}")
