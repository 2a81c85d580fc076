"""Opens the database and runs units of work in one thread of their own."""

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
"""PostgreSQL: serialization failure, deadlock, unique violation: somebody else was first, read again."""
_DATA_IS_REFUSED = ("22", "23", "54")
"""PostgreSQL: data exceptions, integrity violations, program limits. All else (a standby, a full disk, a missing
right, a cancelled statement) says nothing about the record: another one would fail the same way."""


class StoreError(Exception):
    """Root of what the store raises."""


class StoreUnavailableError(StoreError):
    """The database cannot be reached, is locked or is full: nothing was committed, try again later."""


class StoreRefusedError(StoreError):
    """The database refuses what is to be written; the same write would be refused again."""


class StoreBusyError(StoreRefusedError):
    """Another worker was first every time: the same write may be taken later."""


class ConflictError(StoreError):
    """Another worker wrote first; read again and decide again."""


class Observer(Protocol):
    """Is told how the database answers."""

    def asked(self) -> None:
        """A transaction begins."""
        ...

    def answered(self) -> None:
        """It was committed or refused."""
        ...

    def failed(self, reason: str) -> None:
        """The database could not be reached, or could not do it."""
        ...


class Database:
    """An engine and its one thread.

    One thread, because SQLite has one writer and a worker gains nothing from two transactions of its own that wait for
    each other; and a thread at all, because a lock wait on the event loop would stop the heartbeats to Kafka.
    """

    def __init__(self, url: str) -> None:
        """Take a SQLAlchemy URL; nothing is opened yet."""
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
        """Run `unit(connection)` in one transaction and commit; from the start again when another worker was first.

        Raises `StoreUnavailableError` or `StoreRefusedError`; nothing is committed then.
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

        The database itself refuses a write. Raises `StoreUnavailableError`, or what the unit raises.
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
    """Apply a transaction to all items at once; where the database refuses one, halve until it stands alone.

    So an item that the database does not take fails none of its neighbours. Return what came of each part, in order:
    the result of `apply`, or of `refused` for an item that stands alone. Raise what else `apply` raises; the parts
    before that one are committed.
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
            hide_parameters=True,  # they are personal data, and errors end in logs
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
"""Within 25 s. With the limits of the system a query to a machine that is gone waits a quarter of an hour or more."""


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:  # noqa: ANN401 - SQLAlchemy's record
    connection.isolation_level = None  # we say BEGIN ourselves, below
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a committed offset must never be more durable than what it says was done
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-65536",
        # Every 64 MiB instead of every 4: a checkpoint syncs the database file beside the log.
        "wal_autocheckpoint=16000",
    ):
        connection.execute(f"PRAGMA {pragma}")


_READS_ONLY = "leads_reads_only"


def _begin_immediate(connection: Connection) -> None:
    if connection.get_execution_options().get(_READS_ONLY):
        connection.exec_driver_sql("BEGIN")
        return
    # A read that becomes a write later would fail with SQLITE_BUSY at once when another process wrote in between.
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
    # SQLite (locked, disk full, I/O error) and a PostgreSQL connection that broke carry no state.
    return isinstance(error, OperationalError | InterfaceError)


def _plain(error: Exception) -> str:
    """Say what went wrong without statement or parameters: they hold personal data."""
    original = getattr(error, "orig", None) or error
    state = _state(error)
    return f"{type(original).__name__}{' ' + state if state else ''}"
