"""Puts a backup in the place of a SQLite store, and keeps the store that was there."""

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
    CareError,
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
    """From this moment on the store has to catch up; 0: it is empty."""
    kept: Path | None
    """Where the store that was there is now; None when there was none."""


def restore(
    backup: Path,
    target: Path,
    *,
    is_forced: bool,
    report: Report = no_report,
    now: Callable[[], datetime] | None = None,
) -> Restored:
    """Put the backup in the store's place, marked so that no worker runs on it before it has caught up.

    Raises `CareError` when the backup is no whole store, when a process has the store open, or when there is something
    in it and `is_forced` is not set. What is there stays as it is then.
    """
    if not is_forced and target.exists() and _is_used(target):
        raise CareError(f"the store {target} is not empty; --force puts it aside and restores")
    target.parent.mkdir(parents=True, exist_ok=True)
    coming = target.with_name(target.name + ".restoring")
    try:
        _copy(backup, coming, report)
        check(coming, backup)
        # Before it is in place: not for a moment may it look like a store to work with.
        since_us = seal(coming, mark_as_behind) or 0
        if target.exists():
            _check_nobody_has_it(target)
        kept = _put_aside(target, (now or _now)())
        coming.rename(target)
        sync_folder(target.parent)
    finally:
        for left in (coming, *companions(coming)):
            left.unlink(missing_ok=True)
    return Restored(since_us, kept)


def _now() -> datetime:
    return datetime.now(UTC)


def _is_used(target: Path) -> bool:
    """Whether there is anything to lose; a file that cannot be read counts."""
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
    # Leaving write-ahead logging takes a lock that SQLite gives to nobody while another process has the file open.
    try:
        with closing(sqlite3.connect(target, timeout=0, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise CareError(f"a process has the store {target} open; stop the workers first") from None
    except sqlite3.DatabaseError:
        return  # too damaged to ask: it is put aside as it is


def _copy(backup: Path, coming: Path, report: Report) -> None:
    total = backup.stat().st_size
    descriptor = os.open(coming, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with backup.open("rb") as here, os.fdopen(descriptor, "wb") as there:
        while chunk := here.read(CHUNK):
            there.write(chunk)
            report(there.tell() / total)
    for beside, companion in zip(companions(backup), companions(coming), strict=True):
        if beside.exists():  # a copy of a store that was made by hand
            shutil.copyfile(beside, companion)


def _put_aside(target: Path, now: datetime) -> Path | None:
    if not target.exists():
        return None
    kept = target.with_name(f"{target.name}.replaced-{now:%Y%m%dT%H%M%SZ}")
    if kept.exists():
        raise CareError(f"{kept} exists; move it away and restore again")
    target.rename(kept)
    for beside, companion in zip(companions(target), companions(kept), strict=True):
        if beside.exists():
            beside.rename(companion)
    return kept
