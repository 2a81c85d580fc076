"""Reads the topics of the registry from a moment on: what a store that lags behind has to learn."""

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
    """The topics as they are, and how far the group is."""

    async def since(self, topic: str, moment_ms: int) -> Ranges:
        """Return what was written at this moment or later."""
        ...

    async def unsettled(self, topic: str) -> Ranges:
        """Return what the group has not acknowledged."""
        ...

    async def settled(self, topic: str) -> Mapping[int, int]:
        """Return by partition the offset below which the group has acknowledged everything, where it ever did."""
        ...

    async def forgotten(self, topic: str, moment_ms: int) -> datetime | None:
        """Return the moment of the oldest record, when some that were written since then may have been deleted."""
        ...

    def read(self, ranges: Ranges) -> AsyncIterator[Sequence[Record]]:
        """Read these records, in order per partition. Those that retention deletes meanwhile are left out."""
        ...


async def read_at(log: Log, places: Collection[tuple[str, int, int]]) -> dict[tuple[str, int, int], Record]:
    """Return the records at these places (topic, partition, offset) that are still there."""
    ranges: dict[Partition, tuple[int, int]] = {}
    for topic, partition, offset in places:
        begin, end = ranges.get((topic, partition), (offset, offset + 1))
        ranges[topic, partition] = (min(begin, offset), max(end, offset + 1))
    wanted = set(places)
    found: dict[tuple[str, int, int], Record] = {}
    async for batch in log.read(ranges):
        for record in batch:
            place = (record.topic, record.partition, record.offset)
            if place in wanted:
                found[place] = record
    return found


class KafkaLog:
    """A `Log` over a consumer that is in no group."""

    def __init__(
        self,
        reader: RangeReader,
        names: TopicNames,
        counts: Mapping[str, int],
        committed: Mapping[Partition, int],
    ) -> None:
        """`counts` are the partitions per topic, `committed` the group's next offsets: none, it has read nothing."""
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
                continue  # nothing was ever deleted, or nothing was written since then
            if first is None or first[0] <= begins[at]:
                oldest = now_ms if first is None else first[1]
                return datetime.fromtimestamp(oldest / 1000, UTC)
        return None

    async def read(self, ranges: Ranges) -> AsyncIterator[Sequence[Record]]:
        """See `Log.read`."""
        # A place that somebody names may be none: reading it would wait for ever.
        there = [at for at in ranges if 0 <= at[1] < self._counts.get(at[0], 0)]
        ends = await self._reader.ends(there)
        wanted = {at: (ranges[at][0], min(ranges[at][1], ends[at])) for at in there}
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
    """Connect, and note how far the group is now. Raises a Kafka error."""
    counts = await partition_counts(admin, [names.full(spec.name) for spec in TOPICS])
    committed = await committed_offsets(admin, group)
    async with RangeReader(address) as reader:
        yield KafkaLog(reader, names, counts, committed)
