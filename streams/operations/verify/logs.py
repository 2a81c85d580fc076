"""This file reads topics with a consumer that is in no group and commits nothing, and how far the workers' group is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError

from streams.operations.verify.contract import CONSUMED, TOPICS
from streams.operations.verify.evidence import Look, PartitionId, Record, Span

if TYPE_CHECKING:
    from aiokafka.admin import AIOKafkaAdminClient

AT_ONCE = 5_000
POLL_MS = 500
STALLS_AFTER = 60
"""Polls without a record, one after the other, after which the broker counts as gone."""


class CannotLookError(Exception):
    """Something that is needed for a verdict cannot be read; the message is one sentence."""


class Logs(Protocol):
    """The topics as they are, and how far the group is."""

    async def look(self) -> Look:
        """Say where everything stands now. Raises `CannotLookError`."""
        ...

    async def read(
        self, begins: Mapping[PartitionId, int], look: Look, take: Callable[[Record], None]
    ) -> None:
        """Give `take` every record from `begins` to the ends of `look`, in offset order per partition."""
        ...


class KafkaLogs:
    """`Logs` on a cluster. Raises Kafka errors, too."""

    def __init__(
        self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, prefix: str, group: str
    ) -> None:
        """Both clients are started and stopped by the caller."""
        self._consumer = consumer
        self._admin = admin
        self._prefix = prefix
        self._group = group

    async def look(self) -> Look:
        """See `Logs.look`."""
        # The group's offsets before the ends: what moves meanwhile looks unread, and never lost.
        settled = await self._settled()
        places = await self._places()
        begins = await self._consumer.beginning_offsets(places)
        ends = await self._consumer.end_offsets(places)
        spans = {
            (at.topic.removeprefix(self._prefix), at.partition): Span(
                begins[at], ends[at], max(begins[at], settled.get(at, 0))
            )
            for at in places
        }
        return Look(int(time.time() * 1000), spans)

    async def read(
        self, begins: Mapping[PartitionId, int], look: Look, take: Callable[[Record], None]
    ) -> None:
        """See `Logs.read`."""
        left = self._seek(begins, look)
        silent = 0
        while left:
            fetched = await self._consumer.getmany(*left, timeout_ms=POLL_MS, max_records=AT_ONCE)
            silent = 0 if fetched else silent + 1
            if silent > STALLS_AFTER:
                names = ", ".join(sorted({at.topic for at in left}))
                raise CannotLookError(
                    f"Kafka gave no record of {names} for {silent * POLL_MS // 1000} s; try again"
                )
            for at, messages in fetched.items():
                topic, end = at.topic.removeprefix(self._prefix), left[at]
                for record in (_record(topic, each) for each in messages if each.offset < end):
                    take(record)
            for at in list(left):
                if await self._consumer.position(at) >= left[at]:
                    del left[at]

    def _seek(self, begins: Mapping[PartitionId, int], look: Look) -> dict[TopicPartition, int]:
        """Stand where reading begins and give the ends of the partitions in which there is something to read."""
        froms: dict[TopicPartition, int] = {}
        ends: dict[TopicPartition, int] = {}
        for (topic, partition), span in look.spans.items():
            begin = max(span.start, begins.get((topic, partition), 0))
            if begin < span.end:
                at = TopicPartition(self._prefix + topic, partition)
                froms[at], ends[at] = begin, span.end
        if froms:
            self._consumer.assign(list(froms))
        for at, offset in froms.items():
            self._consumer.seek(at, offset)
        return ends

    async def _settled(self) -> dict[TopicPartition, int]:
        try:
            found = await self._admin.list_consumer_group_offsets(self._group)
        except GroupCoordinatorNotAvailableError:
            return {}  # a cluster on which no group has ever been
        return {at: known.offset for at, known in found.items() if known.offset >= 0}

    async def _places(self) -> list[TopicPartition]:
        names = [self._prefix + topic for topic in TOPICS]
        described = await self._admin.describe_topics(names)
        counts = {each["topic"]: len(each["partitions"]) for each in described if not each["error_code"]}
        missing = [self._prefix + topic for topic in CONSUMED if not counts.get(self._prefix + topic)]
        if missing:
            raise CannotLookError(
                f"there is no topic {missing[0]}; LEADS_PREFIX names the prefix of the topics, "
                "and `leads topics plan` tells which are missing"
            )
        return [TopicPartition(name, number) for name, count in counts.items() for number in range(count)]


def _record(topic: str, message: Any) -> Record:  # noqa: ANN401 - aiokafka's records are not typed
    return Record(
        topic,
        message.partition,
        message.offset,
        message.timestamp,
        message.key,
        message.value,
        list(message.headers),
    )
