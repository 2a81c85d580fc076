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
"""Copied at once, about 8 MB: then progress is reported."""
OPEN_S = 10.0
TABLES = frozenset({"alembic_version", "ledger", "contacts", "effects", "letters", "turns"})

Report = Callable[[float], None]
"""Takes what part is done, 0 to 1."""


class CareError(RuntimeError):
    """A backup or a restore cannot be made; the message is one sentence with the next step."""


def no_report(part: float) -> None:
    """Report to nobody."""


def back_up(source: Path, target: Path, report: Report = no_report) -> int | None:
    """Copy the store at one moment. Return the moment it knows until (microseconds). Raise `CareError`.

    Workers go on: the copy reads one snapshot, and what they write meanwhile waits in the write-ahead log.
    """
    if target.exists():
        raise CareError(f"{target} exists; name a new file, or move the old backup away")
    if not source.exists():
        raise CareError(f"there is no store at {source}; LEADS_DATABASE says where it is")
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
        raise CareError(f"the store at {source} cannot be copied: {error}") from None
    finally:
        for left in (partial, *companions(partial)):
            left.unlink(missing_ok=True)
    return moment


def check(copy: Path, path: Path) -> None:
    """Raise `CareError` when `copy`, a file that nobody else uses, is no whole store of ours; it is called `path`."""
    try:
        with closing(sqlite3.connect(copy, timeout=OPEN_S)) as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            missing = TABLES - {name for (name,) in found}
            if missing:
                raise CareError(f"{path} is no store of leads: it has no table {min(missing)}")
            (answer,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        raise CareError(f"{path} is no readable SQLite file ({error}); use another backup") from None
    if answer != "ok":
        raise CareError(f"{path} is damaged ({answer}); use another backup")


def seal(path: Path, unit: Callable[[Connection], int | None]) -> int | None:
    """Bring a copy to the schema of this build, do `unit` in it, and make it one file that is on disk."""
    try:
        database = open_database(f"sqlite:///{path}")
    except MigrationError as error:
        raise CareError(
            f"the store is not of this build ({error}); use the build that made it, or a newer one"
        ) from None
    try:
        found = database.transact(unit)
    except StoreError as error:
        raise CareError(f"{path} cannot be written: {error}") from None
    finally:
        database.close()
    with closing(sqlite3.connect(path, isolation_level=None, timeout=OPEN_S)) as connection:
        connection.execute(
            "PRAGMA journal_mode=DELETE"
        )  # takes the write-ahead log in; workers turn it on again
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return found


def companions(path: Path) -> tuple[Path, Path]:
    """Files that SQLite keeps beside this one."""
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


def sync_folder(folder: Path) -> None:
    """Let a rename outlive a power failure, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _private(path: Path) -> None:
    # What leads say is personal data: nobody else may read the copy.
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
