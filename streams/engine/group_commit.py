"""Commits small writes in groups: writes that wait at the same time share a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.engine import Connection

from streams.store.engine import Database, StoreRefusedError, isolate_refused

GATHER_S = 0.002
"""Seconds a group waits for more writes. It halves the commits, and an outside call takes longer anyway."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class GroupCommit(Generic[Item, Answer]):
    """Commits all that is submitted during a commit as the next group; each submitter gets its own answer."""

    def __init__(
        self, database: Database, apply: Callable[[Connection, Sequence[Item]], Sequence[Answer]]
    ) -> None:
        """`apply(connection, items)` returns one answer per item."""
        self._database = database
        self._apply = apply
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._flusher: asyncio.Task[None] | None = None

    def submit(self, item: Item) -> asyncio.Future[Answer]:
        """Submit the item. The future is done once it is committed; it has the store's error when it is not."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        return future

    async def _flush(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_S)
            group, self._waiting = self._waiting, []
            items = [item for item, _ in group]
            parts = await isolate_refused(items, self._commit, lambda _, error: [error])
            answers = [answer for part in parts for answer in part]
            for (_, future), answer in zip(group, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    async def _commit(self, items: Sequence[Item]) -> Sequence[Answer | Exception]:
        try:
            return await self._database.run(lambda connection: self._apply(connection, items))
        except StoreRefusedError:
            raise
        except Exception as error:  # noqa: BLE001 - each submitter gets it
            return [error] * len(items)
