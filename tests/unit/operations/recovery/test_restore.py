"""Replacing a store by a backup."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.operations.recovery.backup import BackupError, back_up
from streams.operations.recovery.restore import restore
from streams.operations.recovery.watermark import is_behind
from streams.store.engine import Database
from streams.store.migrate import open_database
from tests.support.store_files import opened, write, written

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "leads.db"


@pytest.fixture
def store(target: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{target}")
    write(database, range(1, 5001))
    yield database
    database.close()


@pytest.fixture
def backup(store: Database, target: Path, tmp_path: Path) -> Path:
    """Return a backup of a store with 5,000 rows; the store is closed."""
    back_up(target, tmp_path / "backup.db")
    store.close()
    return tmp_path / "backup.db"


def test_no_worker_runs_on_a_restored_store_before_it_has_caught_up(backup: Path, tmp_path: Path) -> None:
    restored = restore(backup, tmp_path / "new" / "leads.db", is_forced=False)

    database = opened(tmp_path / "new" / "leads.db")
    assert (restored.since_us, restored.kept, database.transact(written)) == (5000, None, 5000)
    assert database.transact(is_behind)
    database.close()


def test_a_store_that_is_not_empty_is_replaced_only_by_force_and_kept(backup: Path, target: Path) -> None:
    with pytest.raises(BackupError, match="--force"):
        restore(backup, target, is_forced=False)

    restored = restore(backup, target, is_forced=True, now=lambda: NOON)

    assert restored.kept == target.with_name("leads.db.replaced-20261124T120000Z")
    kept = opened(restored.kept)
    assert not kept.transact(is_behind)
    assert kept.transact(written) == 5000
    kept.close()


def test_a_store_that_a_process_has_open_is_not_replaced(backup: Path, target: Path) -> None:
    with closing(sqlite3.connect(target)) as held:
        held.execute("PRAGMA journal_mode=WAL")
        held.execute("SELECT count(*) FROM ledger").fetchone()

        with pytest.raises(BackupError, match="stop the workers"):
            restore(backup, target, is_forced=True)

    assert not list(target.parent.glob("*.replaced-*"))


@pytest.mark.parametrize("spoil", ["cut", "overwritten", "another", "text"])
def test_an_incomplete_backup_is_refused_and_the_store_stays(backup: Path, target: Path, spoil: str) -> None:
    raw = backup.read_bytes()
    spoilt = {
        "cut": raw[: len(raw) // 2],
        "overwritten": raw[:40_000] + b"\xff" * 40_000 + raw[80_000:],
        "another": b"",
        "text": b"not a database at all" * 100,
    }
    backup.write_bytes(spoilt[spoil])
    before = target.read_bytes()

    with pytest.raises(BackupError, match=r"damaged|not a store|not a readable"):
        restore(backup, target, is_forced=True)

    assert target.read_bytes() == before
    assert not list(target.parent.glob("*.rest*"))


def test_a_damaged_store_is_kept_as_it_is(backup: Path, target: Path) -> None:
    target.write_bytes(b"power failure" * 1000)

    restored = restore(backup, target, is_forced=True)

    assert restored.kept is not None
    assert restored.kept.read_bytes() == b"power failure" * 1000
    database = opened(target)
    assert database.transact(written) == 5000
    database.close()
