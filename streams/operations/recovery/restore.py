"""Replaces a SQLite store by a backup and keeps the replaced store."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from streams.operations.recovery.backup import (
    BackupError,
    Report,
    check,
    companions,
    no_report,
    seal,
    sync_folder,
)
from streams.operations.recovery.watermark import mark_as_behind

CHUNK = 8 << 20


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    since_us: int
    """The store has to catch up from this moment on (microseconds); 0 when it is empty."""
    kept: Path | None
    """The new place of the replaced store; None when there was none."""


def restore(
    backup: Path,
    target: Path,
    *,
    is_forced: bool,
    report: Report = no_report,
    now: Callable[[], datetime] | None = None,
) -> Restored:
    """Replace the store by the backup, marked so that no worker runs on it before it has caught up.

    Raise `BackupError` when the backup is not a complete store, when a process has the store open, or when the store
    is not empty and `is_forced` is not set. The store then stays as it is.
    """
    if not is_forced and target.exists() and _is_used(target):
        raise BackupError(
            f"the store {target} is not empty; --force keeps it under another name and restores"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    coming = target.with_name(target.name + ".restoring")
    try:
        _copy(backup, coming, report)
        check(coming, backup)
        # Marked before it is in place, so that no worker ever takes it for a current store.
        since_us = seal(coming, mark_as_behind) or 0
        if target.exists():
            _check_nobody_has_it(target)
        kept = _rename_aside(target, (now or _now)())
        coming.rename(target)
        sync_folder(target.parent)
    finally:
        for left in (coming, *companions(coming)):
            left.unlink(missing_ok=True)
    return Restored(since_us, kept)


def _now() -> datetime:
    return datetime.now(UTC)


def _is_used(target: Path) -> bool:
    """Return whether the store holds data; a file that cannot be read counts as one that does."""
    try:
        with closing(sqlite3.connect(f"file:{target}?mode=ro", uri=True)) as connection:
            tables = {
                name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            known = tables & {"ledger", "contacts", "letters"}
            return any(connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in known)  # noqa: S608 - names of ours
    except sqlite3.Error:
        return True


def _check_nobody_has_it(target: Path) -> None:
    # Leaving write-ahead logging needs a lock that SQLite grants only while no other process has the file open.
    try:
        with closing(sqlite3.connect(target, timeout=0, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise BackupError(f"a process has the store {target} open; stop the workers first") from None
    except sqlite3.DatabaseError:
        return  # too damaged to check: it is kept as it is


def _copy(backup: Path, coming: Path, report: Report) -> None:
    total = backup.stat().st_size
    descriptor = os.open(coming, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with backup.open("rb") as here, os.fdopen(descriptor, "wb") as there:
        while chunk := here.read(CHUNK):
            there.write(chunk)
            report(there.tell() / total)
    for beside, companion in zip(companions(backup), companions(coming), strict=True):
        if beside.exists():  # the copy was made by hand
            shutil.copyfile(beside, companion)


def _rename_aside(target: Path, now: datetime) -> Path | None:
    if not target.exists():
        return None
    kept = target.with_name(f"{target.name}.replaced-{now:%Y%m%dT%H%M%SZ}")
    if kept.exists():
        raise BackupError(f"{kept} exists; move it away and restore again")
    target.rename(kept)
    for beside, companion in zip(companions(target), companions(kept), strict=True):
        if beside.exists():
            beside.rename(companion)
    return kept
