"""Backlog of a paused agent, kept as offset ranges so that other agents on the topic can continue.

Two steps may read one topic, and a batch is settled once both have settled it. A paused step would therefore stop the
other one, too. So it puts its batches into its backlog, which counts as settling them. Offsets are committed only up to
the lowest one in a backlog, and its records are read again when the step continues.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from streams.engine.faust.batch import Batch
from streams.kafka.reader import Fetched, Partition, Ranges
from topics.decode import Position


class BacklogReader(Protocol):
    """Reads the records of a backlog again; see `streams.kafka.reader.RangeReader`."""

    async def fetch(self, ranges: Ranges, max_records: int) -> Fetched:
        """Read at most `max_records` records from the start of the ranges. Raise a Kafka error."""
        ...

    async def aclose(self) -> None:
        """Disconnect."""
        ...


class Backlog:
    """One agent's backlog of one topic: a range of offsets per partition, however long it grows."""

    def __init__(self) -> None:
        """Start empty."""
        self._ranges: dict[Partition, tuple[int, int]] = {}
        self._running: list[Batch] = []
        self._filled = asyncio.Event()
        self.assignment = 0
        """Increases when partitions are forgotten: records read from the backlog before that no longer count."""

    @property
    def is_empty(self) -> bool:
        """Whether the agent is up to date."""
        return not self._ranges

    @property
    def ranges(self) -> Ranges:
        """Its ranges now."""
        return dict(self._ranges)

    @property
    def running(self) -> tuple[Batch, ...]:
        """Batches of its records that are being settled."""
        return tuple(self._running)

    def first_offset(self, tp: Partition) -> int | None:
        """Return its lowest offset of `tp`, from which on nothing may be committed; None when it has none."""
        span = self._ranges.get(tp)
        return None if span is None else span[0]

    def put(self, ranges: Ranges) -> None:
        """Append ranges, each of which follows its partition's range in order."""
        for tp, (begin, end) in ranges.items():
            known = self._ranges.get(tp)
            self._ranges[tp] = (begin if known is None else known[0], end)
        if self._ranges:
            self._filled.set()

    def begin(self, batch: Batch) -> None:
        """Note that a batch of its records is being settled."""
        self._running.append(batch)

    def end(self, batch: Batch, reached: Mapping[Partition, int], assignment: int) -> None:
        """Note that work on the batch ended. If it was settled, remove the offsets below `reached`.

        `assignment` is the value of `Backlog.assignment` when the batch was read.
        """
        self._running.remove(batch)
        if not batch.is_settled or assignment != self.assignment:
            return
        for tp, offset in reached.items():
            known = self._ranges.get(tp)
            if known is None:
                continue
            if offset >= known[1]:
                del self._ranges[tp]
            else:
                self._ranges[tp] = (max(known[0], offset), known[1])

    def forget(self, tps: Iterable[Partition]) -> None:
        """Forget these partitions: they were revoked, or will be read from their committed offsets."""
        gone = set(tps)
        self.assignment += 1
        for tp in gone:
            self._ranges.pop(tp, None)
        for batch in self._running:
            if not gone.isdisjoint(batch.parts):
                batch.is_revoked = True

    async def wait_filled(self) -> None:
        """Wait until it is not empty."""
        while not self._ranges:
            self._filled.clear()
            await self._filled.wait()


def ranges_of(batch: Batch, not_begun: Sequence[Position] | None = None) -> Ranges:
    """Return a batch's offset ranges; with `not_begun`, each from the first of these positions on."""
    firsts: dict[Partition, int] = {}
    for position in not_begun or ():
        place = position.topic, position.partition
        firsts[place] = min(position.offset, firsts.get(place, position.offset))
    return {
        tp: (records[0].offset if not_begun is None else firsts[tp], records[-1].offset + 1)
        for tp, records in batch.parts.items()
        if not_begun is None or tp in firsts
    }
