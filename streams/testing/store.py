"""Provides a real SQLite store in memory, without threads, that can be away and whose workers can die."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import Connection

from streams.store.engine import Database, StoreUnavailableError
from streams.store.schema import metadata
from streams.testing.life import Life

T = TypeVar("T")

_WRITES = re.compile(r"\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)", re.IGNORECASE)


class MemoryStore(Database):
    """The store of a worker, SQL and all; only the file is missing, and what keeps the event loop free of its waits."""

    def __init__(self) -> None:
        """Make the tables."""
        super().__init__("sqlite://")
        self.refuses = 0
        """Number of transactions that it still refuses, as if it were away."""
        self.life = Life()
        self._written: dict[str, None] = {}
        self._shared = self
        event.listen(self.engine, "before_cursor_execute", self._note)
        super().transact(metadata.create_all)

    def of_worker(self, life: Life) -> MemoryStore:
        """Return the same store for one worker, which may die before and after every commit."""
        mine = copy.copy(self)
        mine.life = life
        return mine

    async def run(self, unit: Callable[[Connection], T]) -> T:
        """See `Database.run`; in this thread, so that every run of a test is the same."""
        return self.transact(unit)

    def transact(self, unit: Callable[[Connection], T]) -> T:
        """See `Database.transact`."""
        self.life.check()
        if self._shared.refuses:
            self._shared.refuses -= 1
            raise StoreUnavailableError("the store is away")

        def watched(connection: Connection) -> T:
            self._written.clear()
            result = unit(connection)
            if self._written:
                self.life.passes(f"before the commit of {' and '.join(self._written)}")
            return result

        result = super().transact(watched)
        if self._written:
            self.life.passes(f"after the commit of {' and '.join(self._written)}")
        return result

    def _note(self, _connection: object, _cursor: object, statement: str, *_: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        found = _WRITES.match(statement)
        if found:
            self._written[found[1].lower()] = None
