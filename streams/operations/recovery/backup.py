"""Copies a SQLite store while workers write to it, and checks what it copied."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from alembic.util import CommandError as MigrationError
from sqlalchemy.engine import Connection

from streams.operations.recovery.watermark import knows_until
from streams.store import marks
from streams.store.engine import StoreError
from streams.store.migrate import open_database

PAGES = 2000
"""Pages copied between two progress reports, about 8 MB."""
OPEN_S = 10.0
TABLES = frozenset({"alembic_version", "ledger", "contacts", "effects", "letters", "turns"})

Report = Callable[[float], None]
"""Receives the fraction that is done, 0 to 1."""


class BackupError(RuntimeError):
    """A backup or a restore cannot be made; the message is one sentence with the next step."""


def no_report(part: float) -> None:
    """Ignore the report."""


def back_up(source: Path, target: Path, report: Report = no_report) -> int | None:
    """Copy the store as of one moment. Return the moment it is complete until (microseconds). Raise `BackupError`.

    Workers keep running: the copy reads one snapshot, and what they write meanwhile stays in the write-ahead log.
    """
    if target.exists():
        raise BackupError(f"{target} exists; name a new file, or move the old backup away")
    if not source.exists():
        raise BackupError(f"there is no store at {source}; LEADS_DATABASE says where it is")
    partial = target.with_name(target.name + ".partial")
    try:
        _private(partial)
        began_us = time.time_ns() // 1000
        _copy(source, partial, report)
        check(partial, target)
        moment = seal(partial, lambda connection: _stamp(connection, began_us))
        partial.rename(target)
        sync_folder(target.parent)
    except sqlite3.Error as error:
        raise BackupError(f"the store at {source} cannot be copied: {error}") from None
    finally:
        for left in (partial, *companions(partial)):
            left.unlink(missing_ok=True)
    return moment


def check(copy: Path, path: Path) -> None:
    """Raise `BackupError` when `copy`, which nobody else uses, is not a complete store; messages call it `path`."""
    try:
        with closing(sqlite3.connect(copy, timeout=OPEN_S)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            missing = TABLES - {name for (name,) in tables}
            if missing:
                raise BackupError(f"{path} is not a store of leads: it has no table {min(missing)}")
            (answer,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        raise BackupError(f"{path} is not a readable SQLite file ({error}); use another backup") from None
    if answer != "ok":
        raise BackupError(f"{path} is damaged ({answer}); use another backup")


def seal(path: Path, unit: Callable[[Connection], int | None]) -> int | None:
    """Migrate a copy to the schema of this build, run `unit` in it and write it to disk as one file."""
    try:
        database = open_database(f"sqlite:///{path}")
    except MigrationError as error:
        raise BackupError(
            f"the store is not of this build ({error}); use the build that made it, or a newer one"
        ) from None
    try:
        moment = database.transact(unit)
    except StoreError as error:
        raise BackupError(f"{path} cannot be written: {error}") from None
    finally:
        database.close()
    with closing(sqlite3.connect(path, isolation_level=None, timeout=OPEN_S)) as connection:
        # This merges the write-ahead log into the file; workers turn the log on again.
        connection.execute("PRAGMA journal_mode=DELETE")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return moment


def companions(path: Path) -> tuple[Path, Path]:
    """Return the files that SQLite keeps beside this one."""
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


def sync_folder(folder: Path) -> None:
    """Make a rename survive a power failure, where the system supports it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _private(path: Path) -> None:
    # Leads are personal data, so no other user may read the copy.
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _copy(source: Path, target: Path, report: Report) -> None:
    def progress(_: int, remaining: int, total: int) -> None:
        report(1.0 - remaining / total if total else 1.0)

    with (
        closing(
            sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=OPEN_S, isolation_level=None)
        ) as here,
        closing(sqlite3.connect(target, timeout=OPEN_S)) as there,
    ):
        # One read transaction over all steps: without it every commit of a worker would restart the copy.
        here.execute("BEGIN")
        here.execute("SELECT count(*) FROM sqlite_master").fetchone()
        here.backup(there, pages=PAGES, progress=progress, sleep=0)
        here.execute("COMMIT")


def _stamp(connection: Connection, began_us: int) -> int | None:
    marks.put(connection, marks.BACKED_UP, began_us)
    return knows_until(connection)
