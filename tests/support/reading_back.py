"""Reads the in-memory log as a store that lags behind reads Kafka.

The tests of reading a log back run on it and on a real broker.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from streams.chunks import chunked
from streams.kafka.reader import Partition, Ranges
from streams.testing.cluster import GROUP
from streams.testing.log import LogRecord, MemoryLog

BATCH_SIZE = 3
"""Small, so that batches end at every kind of record."""


@dataclass(frozen=True)
class RememberedLog:
    """A `streams.kafka.log.Log` over the in-memory log, which never deletes records."""

    log: MemoryLog
    group: str = GROUP

    async def since(self, topic: str, moment_ms: int) -> Ranges:
        """See `Log.since`."""
        return _ranges(record for record in self.log.topics[topic] if record.timestamp >= moment_ms)

    async def unsettled(self, topic: str) -> Ranges:
        """See `Log.unsettled`."""
        return _ranges(self.log.deliver(topic, self.group))

    async def settled(self, topic: str) -> dict[int, int]:
        """See `Log.settled`."""
        waiting = {(record.partition, record.offset) for record in self.log.deliver(topic, self.group)}
        return {
            record.partition: record.offset + 1
            for record in self.log.topics[topic]
            if (record.partition, record.offset) not in waiting
        }

    async def forgotten(self, topic: str, moment_ms: int) -> datetime | None:
        """See `Log.forgotten`."""
        return None

    async def read(self, ranges: Ranges) -> AsyncIterator[Sequence[LogRecord]]:
        """See `Log.read`."""
        for (topic, partition), (begin, end) in ranges.items():
            part = [
                record
                for record in self.log.topics[topic]
                if record.partition == partition and begin <= record.offset < end
            ]
            for batch in chunked(part, BATCH_SIZE):
                yield batch


def _ranges(records: Iterable[LogRecord]) -> Ranges:
    ranges: dict[Partition, tuple[int, int]] = {}
    for record in records:
        begin, _ = ranges.get((record.topic, record.partition), (record.offset, 0))
        ranges[record.topic, record.partition] = (begin, record.offset + 1)
    return ranges
