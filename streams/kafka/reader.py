"""Read ranges of topics with a consumer that is in no group and commits nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError, UnknownTopicOrPartitionError, for_code

from streams.kafka.header_names import read_any_header_name

if TYPE_CHECKING:
    from aiokafka.admin import AIOKafkaAdminClient

    from streams.kafka.address import KafkaAddress

BATCH_SIZE = 2_000
POLL_MS = 500
STALLS_AFTER = 60
"""After so many consecutive polls without progress the broker counts as gone."""

Partition = tuple[str, int]
"""Topic (full name) and partition."""
Ranges = Mapping[Partition, tuple[int, int]]
"""By partition, the first offset and the one after the last."""


class LogError(RuntimeError):
    """A topic cannot be read; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The records of one poll, and how far the ranges are read."""

    records: Mapping[Partition, Sequence[Any]]
    """aiokafka's records by partition, in offset order; no sequence is empty."""
    reached: Mapping[Partition, int]
    """The next offset to read. It skips offsets whose records retention deleted or a transaction aborted."""


def count(ranges: Ranges) -> int:
    """Return the number of offsets in the ranges."""
    return sum(end - begin for begin, end in ranges.values())


class RangeReader:
    """Reads records by their offsets. The consumer connects on first use and lives until `aclose`.

    It serves one caller at a time. Every method raises Kafka errors.
    """

    def __init__(self, address: KafkaAddress, *, request_timeout_ms: int = 40_000) -> None:
        """Take the address; connect later."""
        self._address = address
        self._request_timeout_ms = request_timeout_ms
        self._consumer: AIOKafkaConsumer | None = None
        self._positions: dict[TopicPartition, int] = {}
        """The consumer's positions, to avoid needless seeks: each one drops the prefetched records."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Disconnect. A later call connects again."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            self._positions = {}
            await consumer.stop()

    async def begins(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Return the oldest offset of each partition."""
        consumer = await self._connected()
        return await _of_all_topics(consumer.beginning_offsets, partitions)

    async def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Return the offset after the newest record of each partition."""
        consumer = await self._connected()
        return await _of_all_topics(consumer.end_offsets, partitions)

    async def since(
        self, partitions: Collection[Partition], moment_ms: int
    ) -> dict[Partition, tuple[int, int] | None]:
        """Return offset and timestamp (ms) of the first record of this moment or later; None where no such exists."""
        if not partitions:
            return {}
        consumer = await self._connected()
        firsts = await consumer.offsets_for_times(dict.fromkeys(_places(partitions), moment_ms))
        return {
            tuple(place): None if first is None else (first.offset, first.timestamp)
            for place, first in firsts.items()
        }

    async def fetch(self, ranges: Ranges, max_records: int) -> Fetched:
        """Poll once for at most `max_records` records, from the beginning of the ranges."""
        if not ranges:
            return Fetched({}, {})
        await self._seek(ranges)
        return await self._poll(ranges, max_records)

    async def read(self, ranges: Ranges) -> AsyncIterator[Mapping[Partition, Sequence[Any]]]:
        """Read the ranges to their ends, batch by batch, in offset order per partition.

        Records that retention deletes meanwhile are left out. Raise `LogError` when the broker delivers no more.
        """
        left = {place: span for place, span in ranges.items() if span[0] < span[1]}
        if left:
            await self._seek(left)
        silent = 0
        while left:
            fetched = await self._poll(left, BATCH_SIZE)
            has_moved = any(fetched.reached[place] > begin for place, (begin, _) in left.items())
            silent = 0 if has_moved else silent + 1
            if silent > STALLS_AFTER:
                names = ", ".join(sorted({topic for topic, _ in left}))
                raise LogError(f"Kafka gave no record of {names} for {silent * POLL_MS // 1000} s; try again")
            left = {
                place: (fetched.reached[place], end)
                for place, (_, end) in left.items()
                if fetched.reached[place] < end
            }
            if fetched.records:
                yield fetched.records

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            read_any_header_name()
            consumer = AIOKafkaConsumer(
                **self._address.client_options(),
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                request_timeout_ms=self._request_timeout_ms,
            )
            await consumer.start()
            self._consumer = consumer
        return self._consumer

    async def _seek(self, ranges: Ranges) -> None:
        """Seek to the beginning of the ranges, and assign only their partitions so that no other is prefetched."""
        consumer = await self._connected()
        places = _places(ranges)
        if consumer.assignment() != set(places):
            consumer.assign(places)
            self._positions = {}
        for place in places:
            begin = ranges[tuple(place)][0]
            if self._positions.get(place) != begin:
                consumer.seek(place, begin)

    async def _poll(self, ranges: Ranges, max_records: int) -> Fetched:
        consumer = await self._connected()
        places = _places(ranges)
        # Positions are unknown until the poll has ended: a cancelled poll may have moved the consumer past records.
        self._positions = {}
        fetched = await consumer.getmany(*places, timeout_ms=POLL_MS, max_records=max_records)
        positions = {place: await consumer.position(place) for place in places}
        self._positions = positions
        records: dict[Partition, list[Any]] = {}
        for place, batch in fetched.items():
            end = ranges[tuple(place)][1]
            if wanted := [record for record in batch if record.offset < end]:
                records[tuple(place)] = wanted
        reached = {tuple(place): min(offset, ranges[tuple(place)][1]) for place, offset in positions.items()}
        return Fetched(records, reached)


async def partition_counts(admin: AIOKafkaAdminClient, topics: Collection[str]) -> dict[str, int]:
    """Return the number of partitions of those topics that exist. Raise a Kafka error or `LogError`."""
    counts: dict[str, int] = {}
    for described in await admin.describe_topics(list(topics)):
        if described["error_code"] == UnknownTopicOrPartitionError.errno:
            continue
        if described["error_code"]:
            reason = for_code(described["error_code"]).__name__
            raise LogError(f"the cluster refuses topic {described['topic']}: {reason}")
        counts[described["topic"]] = len(described["partitions"])
    return counts


async def committed_offsets(admin: AIOKafkaAdminClient, group: str) -> dict[Partition, int]:
    """Return the next offsets of a consumer group, where it has any. Raise a Kafka error."""
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:
        return {}  # no group has ever been on this cluster
    return {tuple(place): known.offset for place, known in offsets.items() if known.offset >= 0}


def _places(partitions: Collection[Partition]) -> list[TopicPartition]:
    return [TopicPartition(*partition) for partition in partitions]


async def _of_all_topics(
    look_up: Callable[[list[TopicPartition]], Awaitable[dict[TopicPartition, int]]],
    partitions: Collection[Partition],
) -> dict[Partition, int]:
    """Look up an offset of each partition, with a call per topic: one call learns of only one topic per 0.1 s."""
    by_topic: dict[str, list[TopicPartition]] = {}
    for place in _places(partitions):
        by_topic.setdefault(place.topic, []).append(place)
    answers = await asyncio.gather(*(look_up(places) for places in by_topic.values()))
    return {tuple(place): offset for offsets in answers for place, offset in offsets.items()}
