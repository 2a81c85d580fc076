"""Provides a log in memory with topics, partitions, offsets and the acknowledgements of groups."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.kafka.partitioner import partition_of
from streams.kafka.producer import Outgoing, Publisher, PublishError
from streams.testing.clock import Clock
from streams.testing.life import Life
from topics.envelope import Headers

PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record as the consumer gives it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass
class MemoryLog:
    """Takes records as a broker does, and can be away. tests/suites/log.py holds it to a real one."""

    clock: Clock
    topics: dict[str, list[LogRecord]] = field(default_factory=lambda: defaultdict(list))
    """By topic, in the order of writing."""
    is_away: bool = False
    takes: int | None = None
    """While away: number of records that it still takes."""
    _unkeyed: itertools.count[int] = field(default_factory=itertools.count)
    _ends: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    _committed: dict[tuple[str, str, int], int] = field(default_factory=lambda: defaultdict(int))

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """See `streams.engine.announcing.Publisher`."""
        for record in records:
            if self.is_away:
                if not self.takes:
                    raise PublishError("the broker is away")
                self.takes -= 1
            self.append(record.topic, record.key, record.value, record.headers)

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers | None = None
    ) -> LogRecord:
        """Write a record as any other client does; return it with its partition and offset."""
        partition = next(self._unkeyed) % PARTITIONS if key is None else partition_of(key, PARTITIONS)
        offset = self._ends[topic, partition]
        self._ends[topic, partition] += 1
        stamp = int(self.clock().timestamp() * 1000)
        record = LogRecord(topic, partition, offset, stamp, key, value, list(headers or []))
        self.topics[topic].append(record)
        return record

    def deliver(self, topic: str, group: str) -> list[LogRecord]:
        """Return all records that the group has not acknowledged, as a new member of the group reads them."""
        return [
            record
            for record in self.topics[topic]
            if record.offset >= self._committed[group, topic, record.partition]
        ]

    def commit(self, group: str, record: LogRecord) -> None:
        """Acknowledge a record and all before it in its partition."""
        self._committed[group, record.topic, record.partition] = record.offset + 1

    def forget(self, group: str) -> None:
        """Drop all acknowledgements of the group."""
        for place in [place for place in self._committed if place[0] == group]:
            del self._committed[place]


@dataclass
class MortalPublisher:
    """Publisher of one worker, which may die before, amid or after publishing."""

    publisher: Publisher
    life: Life

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """See `streams.engine.announcing.Publisher`."""
        self.life.passes("before the publish")
        middle = len(records) // 2
        if middle:
            await self.publisher.publish(records[:middle])
            self.life.passes("amid the publish")
        await self.publisher.publish(records[middle:])
        self.life.passes("after the publish")
