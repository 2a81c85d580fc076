"""Open the database and run units of work in its one thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from streams.failpoints import reach

T = TypeVar("T")
Item = TypeVar("Item")

CONFLICT_TRIES = 8
BUSY_TIMEOUT_S = 30
_TRY_AGAIN = {"40001", "40P01", "23505"}
"""PostgreSQL's serialization failure, deadlock and unique violation: another worker was first, so read again."""
_DATA_IS_REFUSED = ("22", "23", "54")
"""PostgreSQL's data exceptions, integrity violations and program limits. All other errors (a standby, a full disk, a
missing right, a cancelled statement) are not due to the record: another one would fail the same way."""


class StoreError(Exception):
    """Root of the store's errors."""


class StoreUnavailableError(StoreError):
    """The database cannot be reached, is locked or is full. Nothing was committed; try again later."""


class StoreRefusedError(StoreError):
    """The database refuses the write, and would refuse it again."""


class StoreBusyError(StoreRefusedError):
    """Another worker was first every time; the same write may succeed later."""


class ConflictError(StoreError):
    """Another worker wrote first; read again and decide again."""


class Observer(Protocol):
    """Hears how the database answers."""

    def asked(self) -> None:
        """Note that a transaction begins."""
        ...

    def answered(self) -> None:
        """Note that it was committed or refused."""
        ...

    def failed(self, reason: str) -> None:
        """Note that the database could not be reached, or could not run it."""
        ...


class Database:
    """An engine and its one thread.

    It is a thread because a lock wait on the event loop would stop the heartbeats to Kafka. It is only one because
    SQLite has one writer, and two transactions of one worker would only wait for each other.
    """

    def __init__(self, url: str) -> None:
        """Take a SQLAlchemy URL; open nothing yet."""
        self.url = make_url(url)
        self.engine = _engine(url)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self.observer: Observer | None = None

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    async def run(self, unit: Callable[[Connection], T]) -> T:
        """Run `unit` in one transaction, in the store's thread. See `transact`."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._observed, unit)

    def _observed(self, unit: Callable[[Connection], T]) -> T:
        observer = self.observer
        if observer is None:
            return self.transact(unit)
        observer.asked()
        try:
            done = self.transact(unit)
        except StoreUnavailableError as error:
            observer.failed(str(error))
            raise
        except BaseException:
            observer.answered()
            raise
        observer.answered()
        return done

    def transact(self, unit: Callable[[Connection], T]) -> T:
        """Run `unit(connection)` in one transaction and commit; start over when another worker was first.

        Raise `StoreUnavailableError` or `StoreRefusedError`; nothing is committed then.
        """
        for tries_left in reversed(range(CONFLICT_TRIES)):
            try:
                with self.engine.begin() as connection:
                    done = unit(connection)
                    reach("store.commit.before")
                reach("store.commit.after")
                return done
            except (ConflictError, DBAPIError) as error:
                if _is_unavailable(error):
                    self.engine.dispose()  # a pooled connection of a dead server would fail once more
                    raise StoreUnavailableError(_plain(error)) from error
                if not _is_conflict(error):
                    raise StoreRefusedError(_plain(error)) from error
                if tries_left == 0:
                    raise StoreBusyError(_plain(error)) from error
        raise AssertionError  # pragma: no cover

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Yield a connection that sees the store as of one moment, cannot write, and blocks no writer.

        The database itself refuses a write. Raise `StoreUnavailableError`, or what the unit raises.
        """
        options: dict[str, Any] = {_READS_ONLY: True}
        if not self.is_sqlite:
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        try:
            with self.engine.connect().execution_options(**options) as connection:
                if self.is_sqlite:
                    connection.exec_driver_sql("PRAGMA query_only=ON")
                try:
                    yield connection
                finally:
                    if self.is_sqlite:
                        connection.exec_driver_sql("PRAGMA query_only=OFF")
                    connection.rollback()
        except DBAPIError as error:
            raise (StoreUnavailableError if _is_unavailable(error) else StoreRefusedError)(
                _plain(error)
            ) from error

    def close(self) -> None:
        """Wait for the running transaction and close."""
        self._thread.shutdown(wait=True)
        self.engine.dispose()


async def isolate_refused(
    items: Sequence[Item],
    apply: Callable[[Sequence[Item]], Awaitable[T]],
    refused: Callable[[Item, StoreRefusedError], T],
) -> list[T]:
    """Apply a transaction to all items at once; when the database refuses it, halve until the refused item is alone.

    So an item that the database refuses fails none of its neighbours. Return the result of each part, in order: that
    of `apply`, or that of `refused` for an item alone. Raise any other error of `apply`; the parts before it are
    committed.
    """
    try:
        return [await apply(items)]
    except StoreRefusedError as error:
        if len(items) > 1:
            middle = len(items) // 2
            first = await isolate_refused(items[:middle], apply, refused)
            return first + await isolate_refused(items[middle:], apply, refused)
        return [refused(items[0], error)]


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(
            url,
            hide_parameters=True,  # they are personal data, and errors are logged
            connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
        return engine
    return sa.create_engine(
        url,
        hide_parameters=True,
        pool_size=2,
        max_overflow=2,
        pool_timeout=10,
        connect_args={"connect_timeout": 10, "prepare_threshold": 3, **_NOTICES_A_VANISHED_SERVER},
    )


_NOTICES_A_VANISHED_SERVER = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""Within 25 s. With the system's defaults a query to a vanished machine waits a quarter of an hour or more."""


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:  # noqa: ANN401 - SQLAlchemy's record
    connection.isolation_level = None  # `_begin_immediate` below sends BEGIN
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a committed offset must never be more durable than the work it stands for
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-65536",
        # Checkpoint every 64 MiB instead of every 4: each one syncs the database file beside the log.
        "wal_autocheckpoint=16000",
    ):
        connection.execute(f"PRAGMA {pragma}")


_READS_ONLY = "leads_reads_only"


def _begin_immediate(connection: Connection) -> None:
    if connection.get_execution_options().get(_READS_ONLY):
        connection.exec_driver_sql("BEGIN")
        return
    # A transaction that reads first and writes later fails with SQLITE_BUSY at once if another process wrote meanwhile.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def ensure_folder(url: str) -> None:
    """Make the folder of a SQLite file."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)


def _state(error: Exception) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _is_conflict(error: Exception) -> bool:
    if isinstance(error, ConflictError):
        return True
    if isinstance(error, IntegrityError) and not _state(error):  # SQLite
        return "UNIQUE constraint failed" in str(error.orig)
    return _state(error) in _TRY_AGAIN


def _is_unavailable(error: Exception) -> bool:
    state = _state(error)
    if state:
        return state not in _TRY_AGAIN and not state.startswith(_DATA_IS_REFUSED)
    # SQLite's errors (locked, disk full, I/O error) and a broken PostgreSQL connection have no SQLSTATE.
    return isinstance(error, OperationalError | InterfaceError)


def _plain(error: Exception) -> str:
    """Return an error's type and SQLSTATE, without statement and parameters: they hold personal data."""
    original = getattr(error, "orig", None) or error
    state = _state(error)
    return f"{type(original).__name__}{' ' + state if state else ''}"
