"""Publish whole record batches per output partition, acknowledged by the broker."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, NamedTuple, Protocol, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.failpoints import reach
from streams.kafka.address import KafkaAddress
from streams.kafka.partitioner import partition_of
from topics.envelope import Headers
from topics.registry import MIB

PRODUCER_STOP_S = 1.0


log = logging.getLogger(__name__)


class Outgoing(NamedTuple):
    """One record to publish."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class PublishError(Exception):
    """The broker did not take a record; nothing of the batch may be acknowledged."""


class Publisher(Protocol):
    """Publishes records and waits for the broker."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return when every record is on the broker. Raise `PublishError`; some records may be there even then."""
        ...


class NoBroker:
    """The `Publisher` for code that connects to no broker, such as a preview."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Raise `PublishError`."""
        raise PublishError(
            f"{len(records)} records were to be published, and nothing is connected to a broker"
        )


class KafkaPublisher:
    """A `Publisher` over an idempotent aiokafka producer.

    Encoding whole batches per output partition costs half as much as `producer.send` per record, and waiting once per
    batch costs a fraction of waiting per record.
    """

    def __init__(self, make: Callable[[], AIOKafkaProducer]) -> None:
        """Take a function that returns a new producer with `acks="all"` and `enable_idempotence=True`, not started."""
        self._make = make
        self._producer = make()
        self._unkeyed = count()

    async def __aenter__(self) -> Self:
        """Connect. Raise what aiokafka raises when no broker answers."""
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop in bounded time."""
        await _stop(self._producer)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """See `Publisher.publish`. Wait while no broker answers, because the records may be there already."""
        reach("publish.before")
        producer = self._producer
        try:
            grouped = await self._group(producer, records)
            futures = []
            for (topic, partition), group in grouped.items():
                futures += await _send(producer, topic, partition, group)
            reach("publish.sent")
            await _all(futures)
            reach("publish.after")
        except KafkaError as error:
            if not error.retriable:
                await self._replace(producer)
            msg = f"the broker did not take {len(records)} records: {type(error).__name__}"
            raise PublishError(msg) from error

    async def _replace(self, failed: AIOKafkaProducer) -> None:
        # The refused batch has used up a sequence number, so this producer can send no more to that partition.
        if failed is not self._producer:
            return
        self._producer = producer = self._make()
        try:
            await producer.start()
        except KafkaError:
            self._producer = failed  # the next publish fails again, and retries the replacement
            await _stop(producer)
        else:
            await _stop(failed)

    async def _group(
        self, producer: AIOKafkaProducer, records: Sequence[Outgoing]
    ) -> dict[tuple[str, int], list[Outgoing]]:
        grouped: dict[tuple[str, int], list[Outgoing]] = defaultdict(list)
        counts: dict[str, int] = {}
        for record in records:
            partitions = counts.get(record.topic)
            if partitions is None:
                partitions = counts[record.topic] = len(await producer.partitions_for(record.topic))
            number = next(self._unkeyed) if record.key is None else partition_of(record.key, partitions)
            grouped[record.topic, number % partitions].append(record)
        return grouped


async def _send(
    producer: AIOKafkaProducer, topic: str, partition: int, records: list[Outgoing]
) -> list[asyncio.Future[Any]]:
    futures = []
    batch = producer.create_batch()
    for record in records:
        taken = _append(batch, record)
        if not taken:
            futures.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            taken = _append(batch, record)
        if not taken:
            # The record is larger than a batch may be. Send it alone, where only the producer's limit holds.
            futures.append(
                await producer.send(
                    topic, record.value, key=record.key, partition=partition, headers=record.headers
                )
            )
    if batch.record_count():
        futures.append(await producer.send_batch(batch, topic, partition=partition))
    return futures


def _append(batch: Any, record: Outgoing) -> bool:  # noqa: ANN401 - aiokafka's BatchBuilder is not typed
    taken = batch.append(timestamp=None, key=record.key, value=record.value, headers=record.headers)
    return taken is not None


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        async with asyncio.timeout(PRODUCER_STOP_S):
            await producer.stop()
    except TimeoutError:
        log.warning("the broker did not take the last records in time; they will be published again")


async def _all(futures: Iterable[asyncio.Future[Any]]) -> None:
    # Await every future, so that no later failure goes unseen after the first one.
    results = await asyncio.gather(*futures, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def new_producer(address: KafkaAddress) -> AIOKafkaProducer:
    """Return a producer for results: acknowledged by all replicas, and idempotent."""
    return AIOKafkaProducer(
        **address.client_options(),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=512 * 1024,
        max_request_size=3 * MIB,
        request_timeout_ms=30_000,
    )
