"""Read the registry's topics from a moment on, so that an outdated store can catch up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from aiokafka.admin import AIOKafkaAdminClient

from streams.kafka.address import KafkaAddress
from streams.kafka.reader import LogError, Partition, RangeReader, Ranges, committed_offsets, partition_counts
from topics.decode import Record
from topics.registry import TOPICS, TopicNames


class Log(Protocol):
    """The topics, and the group's offsets on them."""

    async def since(self, topic: str, moment_ms: int) -> Ranges:
        """Return the ranges of records written at this moment or later."""
        ...

    async def unsettled(self, topic: str) -> Ranges:
        """Return the ranges that the group has not acknowledged."""
        ...

    async def settled(self, topic: str) -> Mapping[int, int]:
        """Return by partition the offset below which the group has acknowledged everything, where it ever has."""
        ...

    async def forgotten(self, topic: str, moment_ms: int) -> datetime | None:
        """Return the moment of the oldest record if records since `moment_ms` may have been deleted, else None."""
        ...

    def read(self, ranges: Ranges) -> AsyncIterator[Sequence[Record]]:
        """Read these records, in order per partition, except those that retention deletes meanwhile."""
        ...


async def read_at(log: Log, places: Collection[tuple[str, int, int]]) -> dict[tuple[str, int, int], Record]:
    """Return the records at these places (topic, partition, offset) that still exist."""
    ranges: dict[Partition, tuple[int, int]] = {}
    for topic, partition, offset in places:
        begin, end = ranges.get((topic, partition), (offset, offset + 1))
        ranges[topic, partition] = (min(begin, offset), max(end, offset + 1))
    wanted = set(places)
    records: dict[tuple[str, int, int], Record] = {}
    async for batch in log.read(ranges):
        for record in batch:
            place = (record.topic, record.partition, record.offset)
            if place in wanted:
                records[place] = record
    return records


class KafkaLog:
    """A `Log` over a consumer that is in no group."""

    def __init__(
        self,
        reader: RangeReader,
        names: TopicNames,
        counts: Mapping[str, int],
        committed: Mapping[Partition, int],
    ) -> None:
        """Take the partitions per topic (`counts`) and the group's next offsets, empty if it has read nothing."""
        self._reader = reader
        self._counts = counts
        self._names = names
        self._committed = committed

    async def since(self, topic: str, moment_ms: int) -> Ranges:
        """See `Log.since`."""
        partitions = self._partitions(topic)
        begins = await self._reader.since(partitions, moment_ms)
        ends = await self._reader.ends(partitions)
        return _not_empty({at: (first[0], ends[at]) for at, first in begins.items() if first is not None})

    async def unsettled(self, topic: str) -> Ranges:
        """See `Log.unsettled`."""
        partitions = self._partitions(topic)
        begins = await self._reader.begins(partitions)
        ends = await self._reader.ends(partitions)
        return _not_empty({at: (max(begins[at], self._committed.get(at, 0)), ends[at]) for at in partitions})

    async def settled(self, topic: str) -> Mapping[int, int]:
        """See `Log.settled`."""
        return {number: offset for (name, number), offset in self._committed.items() if name == topic}

    async def forgotten(self, topic: str, moment_ms: int) -> datetime | None:
        """See `Log.forgotten`."""
        partitions = self._partitions(topic)
        begins = await self._reader.begins(partitions)
        later = await self._reader.since(partitions, moment_ms)
        now_ms = datetime.now(UTC).timestamp() * 1000
        is_long_ago = timedelta(milliseconds=now_ms - moment_ms) >= self._names.spec(topic).retention
        for at in partitions:
            first = later[at]
            if begins[at] == 0 or (first is None and not is_long_ago):
                continue  # nothing was ever deleted, or nothing was written since the moment
            if first is None or first[0] <= begins[at]:
                oldest = now_ms if first is None else first[1]
                return datetime.fromtimestamp(oldest / 1000, UTC)
        return None

    async def read(self, ranges: Ranges) -> AsyncIterator[Sequence[Record]]:
        """See `Log.read`."""
        # A caller may name a partition that does not exist, and reading it would wait for ever.
        existing = [at for at in ranges if 0 <= at[1] < self._counts.get(at[0], 0)]
        ends = await self._reader.ends(existing)
        wanted = {at: (ranges[at][0], min(ranges[at][1], ends[at])) for at in existing}
        async for fetched in self._reader.read(wanted):
            yield [record for records in fetched.values() for record in records]

    def _partitions(self, topic: str) -> list[Partition]:
        if topic not in self._counts:
            raise LogError(f"topic {topic} does not exist; is LEADS_PREFIX right?")
        return [(topic, number) for number in range(self._counts[topic])]


def _not_empty(ranges: Ranges) -> Ranges:
    return {at: span for at, span in ranges.items() if span[0] < span[1]}


@asynccontextmanager
async def open_log(
    admin: AIOKafkaAdminClient, address: KafkaAddress, names: TopicNames, group: str
) -> AsyncIterator[KafkaLog]:
    """Connect, and read the group's present offsets. Raise a Kafka error."""
    counts = await partition_counts(admin, [names.full(spec.name) for spec in TOPICS])
    committed = await committed_offsets(admin, group)
    async with RangeReader(address) as reader:
        yield KafkaLog(reader, names, counts, committed)
