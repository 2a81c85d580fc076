"""Reads our topics from outside any group, and how far the workers' group is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from streams.kafka.reader import Partition, RangeReader, committed_offsets, partition_counts
from streams.operations.verify.contract import Contract
from streams.operations.verify.evidence import Look, PartitionId, Record, Span

if TYPE_CHECKING:
    from aiokafka.admin import AIOKafkaAdminClient


class CannotLookError(Exception):
    """Something that is needed for a verdict cannot be read; the message is one sentence."""


class Logs(Protocol):
    """The topics as they are, and how far the group is."""

    async def look(self) -> Look:
        """Return the current offsets. Raises `CannotLookError`."""
        ...

    async def read(
        self, begins: Mapping[PartitionId, int], look: Look, take: Callable[[Record], None]
    ) -> None:
        """Call `take` with every record from `begins` to the ends of `look`, in offset order per partition."""
        ...


class KafkaLogs:
    """`Logs` on a cluster. Raises Kafka errors and `LogError`, too."""

    def __init__(
        self, reader: RangeReader, admin: AIOKafkaAdminClient, contract: Contract, prefix: str, group: str
    ) -> None:
        """Both clients are closed by the caller."""
        self._reader = reader
        self._admin = admin
        self._contract = contract
        self._prefix = prefix
        self._group = group

    async def look(self) -> Look:
        """See `Logs.look`."""
        # The group's offsets before the ends: records that arrive in between look unread, never lost.
        settled = await committed_offsets(self._admin, self._group)
        partitions = await self._partitions()
        begins = await self._reader.begins(partitions)
        ends = await self._reader.ends(partitions)
        spans = {
            (topic.removeprefix(self._prefix), number): Span(
                begins[topic, number],
                ends[topic, number],
                max(begins[topic, number], settled.get((topic, number), 0)),
            )
            for topic, number in partitions
        }
        return Look(int(time.time() * 1000), spans)

    async def read(
        self, begins: Mapping[PartitionId, int], look: Look, take: Callable[[Record], None]
    ) -> None:
        """See `Logs.read`."""
        ranges = {
            (self._prefix + topic, number): (max(span.start, begins.get((topic, number), 0)), span.end)
            for (topic, number), span in look.spans.items()
        }
        async for fetched in self._reader.read(ranges):
            for (topic, _), records in fetched.items():
                name = topic.removeprefix(self._prefix)
                for each in records:
                    take(_record(name, each))

    async def _partitions(self) -> list[Partition]:
        counts = await partition_counts(
            self._admin, [self._prefix + topic for topic in self._contract.topics]
        )
        consumed = [self._prefix + topic for topic in self._contract.consumed]
        missing = [topic for topic in consumed if topic not in counts]
        if missing:
            raise CannotLookError(
                f"there is no topic {missing[0]}; LEADS_PREFIX names the prefix of the topics, "
                "and `leads topics plan` tells which are missing"
            )
        return [(name, number) for name, count in counts.items() for number in range(count)]


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
