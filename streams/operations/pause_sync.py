"""Synchronizes a worker's pauses with the store: those that people set and those that start by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from streams.clock import Clock, from_us, to_us
from streams.engine.pauses import Pause, Pauses
from streams.store import pauses as table
from streams.store.engine import Database, StoreError
from streams.store.pauses import PauseRow

REPEAT_EVERY = timedelta(seconds=5)
SILENT_AFTER = timedelta(seconds=30)
"""A worker that has written nothing for so long is gone, and its own pauses end."""
CANCELLED_FOR = timedelta(days=42)
"""Longer than topics and letters can redeliver a record of the run."""
PRUNE_EVERY = timedelta(hours=1)
PRUNE_BATCH_SIZE = 500


def heard_since_us(now: datetime) -> int:
    """Return the moment since which a worker must have written for its pauses to count (microseconds)."""
    return to_us(now - SILENT_AFTER)


class PauseKeeper:
    """Reads what people paused and cancelled, and writes what this worker pauses by itself."""

    def __init__(self, database: Database, pauses: Pauses, worker: str, clock: Clock) -> None:
        """`worker` names this process among the others."""
        self._database = database
        self._pauses = pauses
        self._worker = worker
        self._clock = clock
        self._written: Sequence[Pause] | None = None
        self._written_at = clock()

    async def tick(self) -> None:
        """Read and write once. Raise as the store does; then the last state that was read stays in force."""
        now = self._clock()
        mine = self._pauses.now()
        often = REPEAT_EVERY if mine else PRUNE_EVERY
        is_news = mine != self._written or not now - often < self._written_at <= now

        def unit(connection: Connection) -> tuple[list[PauseRow], frozenset[str]]:
            if is_news:
                rows = {(pause.step, pause.kind): self._row(pause, to_us(now)) for pause in mine}
                table.write(connection, self._worker, list(rows.values()))
                table.forget_silent(connection, heard_since_us(now))
                table.prune_cancelled(connection, to_us(now - CANCELLED_FOR), PRUNE_BATCH_SIZE)
            return table.by_hand(connection), table.cancelled(connection)

        asked, cancelled = await self._database.run(unit)
        if is_news:
            self._written, self._written_at = mine, now
        self._pauses.by_hand = {row.step: _pause(row) for row in asked}
        self._pauses.cancelled = cancelled

    async def leave(self) -> None:
        """Delete what this worker wrote, if the store is reachable."""
        if not self._written:
            return
        with suppress(StoreError):  # its rows expire by its silence, too
            await self._database.run(lambda connection: table.write(connection, self._worker, ()))

    def _row(self, pause: Pause, now_us: int) -> PauseRow:
        next_probe = None if pause.next_probe is None else to_us(pause.next_probe)
        return PauseRow(
            pause.step,
            self._worker,
            pause.kind,
            pause.reason,
            None,
            to_us(pause.since),
            next_probe,
            now_us,
        )


def _pause(row: PauseRow) -> Pause:
    return Pause(row.step, "person", row.reason, from_us(row.since), row.paused_by)
