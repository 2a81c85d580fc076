"""This file reads records once more that the worker's own consumer is past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.types import TP

from streams.engine.faust.backlog import Ranges
from streams.kafka.address import KafkaAddress
from streams.kafka.header_names import read_any_header_name
from topics.decode import Record

POLL_MS = 500


@dataclass(frozen=True, slots=True)
class Reread:
    """What was read, and how far that is. A partition may have got further without any record: retention took them."""

    parts: Mapping[TP, list[Record]]
    reached: Mapping[TP, int]


class Rereader(Protocol):
    """Reads records by their offsets."""

    async def read(self, ranges: Ranges, most: int) -> Reread:
        """Read at most `most` records from where the ranges begin. Raises a Kafka error."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


class KafkaRereader:
    """A `Rereader` with a consumer of its own, in no group, that is connected when it is first needed."""

    def __init__(self, address: KafkaAddress) -> None:
        """Take where the brokers are."""
        self._address = address
        self._consumer: AIOKafkaConsumer | None = None

    async def read(self, ranges: Ranges, most: int) -> Reread:
        """See `Rereader.read`."""
        consumer = await self._connected()
        wanted = {TopicPartition(tp.topic, tp.partition): ends for tp, ends in ranges.items()}
        if consumer.assignment() != set(wanted):
            consumer.assign(list(wanted))
        for partition, (begin, _) in wanted.items():
            consumer.seek(partition, begin)
        fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=most)
        parts: dict[TP, list[Record]] = {}
        reached: dict[TP, int] = {}
        for partition, (_, end) in wanted.items():
            tp = TP(partition.topic, partition.partition)
            reached[tp] = min(await consumer.position(partition), end)
            if records := [record for record in fetched.get(partition, ()) if record.offset < end]:
                parts[tp] = records
        return Reread(parts, reached)

    async def aclose(self) -> None:
        """See `Rereader.aclose`."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await consumer.stop()

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            read_any_header_name()
            consumer = AIOKafkaConsumer(
                **self._address.client_options(), enable_auto_commit=False, auto_offset_reset="earliest"
            )
            await consumer.start()
            self._consumer = consumer
        return self._consumer
