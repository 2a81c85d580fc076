"""Copying a SQLite store while it is written to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from streams.operations.recovery.backup import BackupError, back_up
from streams.operations.recovery.watermark import knows_until
from streams.store.engine import Database
from streams.store.migrate import open_database
from tests.support.store_files import opened, write, written


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "leads.db"


@pytest.fixture
def store(place: Path) -> Iterator[Database]:
    found = open_database(f"sqlite:///{place}")
    write(found, range(1, 5001))
    yield found
    found.close()


@pytest.fixture
def backup(store: Database, place: Path, tmp_path: Path) -> Path:
    """Return a backup of a store with 5,000 rows; the store is closed."""
    back_up(place, tmp_path / "backup.db")
    store.close()
    return tmp_path / "backup.db"


def test_a_backup_is_the_store_at_one_moment_though_it_is_written_to_meanwhile(
    store: Database, place: Path, tmp_path: Path
) -> None:
    parts: list[float] = []

    def tell(part: float) -> None:
        # A worker commits between any two steps of the copy.
        parts.append(part)
        write(store, range(10_000 * len(parts), 10_000 * len(parts) + 10))

    moment = back_up(place, tmp_path / "backup.db", tell)

    assert len(parts) > 2
    assert parts[-1] == 1.0
    copy = opened(tmp_path / "backup.db")
    assert (copy.transact(written), copy.transact(knows_until), moment) == (5000, 5000, 5000)
    copy.close()
    assert store.transact(written) == 5000 + 10 * len(parts)


def test_a_backup_is_one_file_that_only_its_owner_reads(backup: Path, tmp_path: Path) -> None:
    assert backup.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in tmp_path.iterdir() if "backup" in path.name) == ["backup.db"]


def test_a_backup_never_overwrites_a_file(backup: Path, place: Path) -> None:
    before = backup.read_bytes()

    with pytest.raises(BackupError, match="exists"):
        back_up(place, backup)

    assert backup.read_bytes() == before


def test_a_store_of_a_newer_build_is_not_copied(store: Database, place: Path, tmp_path: Path) -> None:
    store.close()
    with closing(sqlite3.connect(place)) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(BackupError, match="not of this build"):
        back_up(place, tmp_path / "backup.db")

    assert not list(tmp_path.glob("backup*"))
