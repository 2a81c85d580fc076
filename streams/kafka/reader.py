"""This file reads topics from a moment on, outside any group: what a store that lags behind has to learn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streams.kafka.address import KafkaAddress
from streams.kafka.header_names import read_any_header_name
from streams.kafka.lag import group_state
from streams.kafka.topics import describe
from topics.decode import Record
from topics.registry import TOPICS, TopicNames

AT_ONCE = 2000
POLL_MS = 500
STALLS_AFTER = 60
"""Polls without a record, one after the other, after which the broker counts as gone."""

Partition = tuple[str, int]
"""Topic (full name) and partition."""
Ranges = Mapping[Partition, tuple[int, int]]
"""Per partition the first offset, and the one after the last."""


class LogError(RuntimeError):
    """A topic cannot be read; the message is one sentence."""


class Log(Protocol):
    """The topics as they are, and how far the group is."""

    async def since(self, topic: str, moment_ms: int) -> Ranges:
        """Give what was written at this moment or later."""
        ...

    async def unsettled(self, topic: str) -> Ranges:
        """Give what the group has not acknowledged."""
        ...

    async def settled(self, topic: str) -> Mapping[int, int]:
        """Give by partition the offset below which the group has acknowledged everything, where it ever did."""
        ...

    async def forgotten(self, topic: str, moment_ms: int) -> datetime | None:
        """Give the moment of the oldest record, when some that were written since then may have been deleted."""
        ...

    def read(self, ranges: Ranges) -> AsyncIterator[Sequence[Record]]:
        """Read these records, in order per partition. Those that retention deletes meanwhile are left out."""
        ...


async def read_at(log: Log, places: Collection[tuple[str, int, int]]) -> dict[tuple[str, int, int], Record]:
    """Give the records at these places (topic, partition, offset) that are still there."""
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


def count(ranges: Ranges) -> int:
    """Number of offsets in the ranges."""
    return sum(end - begin for begin, end in ranges.values())


class KafkaLog:
    """A `Log` over a consumer that is in no group."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        names: TopicNames,
        counts: Mapping[str, int],
        committed: Mapping[Partition, int],
    ) -> None:
        """`counts` are the partitions per topic, `committed` the group's next offsets: none, it has read nothing."""
        self._consumer = consumer
        self._counts = counts
        self._names = names
        self._committed = committed

    async def since(self, topic: str, moment_ms: int) -> Ranges:
        """See `Log.since`."""
        partitions = self._partitions(topic)
        begins = await self._consumer.offsets_for_times(dict.fromkeys(partitions, moment_ms))
        ends = await self._consumer.end_offsets(partitions)
        found = {at: (offset.offset, ends[at]) for at, offset in begins.items() if offset is not None}
        return {tuple(at): span for at, span in found.items() if span[0] < span[1]}

    async def unsettled(self, topic: str) -> Ranges:
        """See `Log.unsettled`."""
        partitions = self._partitions(topic)
        begins = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        found = {at: (max(begins[at], self._committed.get(tuple(at), 0)), ends[at]) for at in partitions}
        return {tuple(at): span for at, span in found.items() if span[0] < span[1]}

    async def settled(self, topic: str) -> Mapping[int, int]:
        """See `Log.settled`."""
        return {number: offset for (name, number), offset in self._committed.items() if name == topic}

    async def forgotten(self, topic: str, moment_ms: int) -> datetime | None:
        """See `Log.forgotten`."""
        partitions = self._partitions(topic)
        begins = await self._consumer.beginning_offsets(partitions)
        later = await self._consumer.offsets_for_times(dict.fromkeys(partitions, moment_ms))
        now_ms = datetime.now(UTC).timestamp() * 1000
        is_long_ago = timedelta(milliseconds=now_ms - moment_ms) >= self._names.spec(topic).retention
        for at in partitions:
            offset = later[at]
            if begins[at] == 0 or (offset is None and not is_long_ago):
                continue  # nothing was ever deleted, or nothing was written since then
            if offset is None or offset.offset <= begins[at]:
                oldest = now_ms if offset is None else offset.timestamp
                return datetime.fromtimestamp(oldest / 1000, UTC)
        return None

    async def read(self, ranges: Ranges) -> AsyncIterator[Sequence[Record]]:
        """See `Log.read`."""
        # A place that somebody names may be none: reading it would wait for ever.
        there = [TopicPartition(*at) for at in ranges if 0 <= at[1] < self._counts.get(at[0], 0)]
        ends = await self._consumer.end_offsets(there)
        left = {at: min(ranges[tuple(at)][1], ends[at]) for at in there}
        left = {at: end for at, end in left.items() if ranges[tuple(at)][0] < end}
        if not left:
            return
        self._consumer.assign(list(left))
        for at in left:
            self._consumer.seek(at, ranges[tuple(at)][0])
        silent = 0
        while left:
            fetched = await self._consumer.getmany(*left, timeout_ms=POLL_MS, max_records=AT_ONCE)
            batch = [
                record
                for at, records in fetched.items()
                for record in records
                if at in left and record.offset < left[at]
            ]
            silent = 0 if fetched else silent + 1
            if silent > STALLS_AFTER:
                names = ", ".join(sorted({at.topic for at in left}))
                raise LogError(f"Kafka gave no record of {names} for {silent * POLL_MS // 1000} s; try again")
            for at in list(left):
                if await self._consumer.position(at) >= left[at]:
                    del left[at]
            if batch:
                yield batch

    def _partitions(self, topic: str) -> list[TopicPartition]:
        if topic not in self._counts:
            raise LogError(f"topic {topic} does not exist; is LEADS_PREFIX right?")
        return [TopicPartition(topic, number) for number in range(self._counts[topic])]


@asynccontextmanager
async def open_log(
    admin: AIOKafkaAdminClient, address: KafkaAddress, names: TopicNames, group: str
) -> AsyncIterator[KafkaLog]:
    """Connect, and note how far the group is now. Raises a Kafka error."""
    found = await describe(admin, [names.full(spec.name) for spec in TOPICS])
    counts = {name: topic.partitions for name, topic in found.items()}
    _, _, offsets = await group_state(admin, group)
    committed = {(at.topic, at.partition): offset for at, offset in offsets.items() if offset >= 0}
    read_any_header_name()
    consumer = AIOKafkaConsumer(
        **address.client_options(), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        yield KafkaLog(consumer, names, counts, committed)
    finally:
        await consumer.stop()
