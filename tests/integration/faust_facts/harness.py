"""Run one agent on our engine or on stock Faust, and observe from outside what each has lost."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import faust
from confluent_kafka import Consumer, ConsumerGroupState, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from faust.types import StreamT

from streams.engine.faust.app import AppSettings, create_app
from streams.engine.faust.transport import BatchConsumer
from streams.engine.handover import SETTLED, RecordBatch, Unfinished
from streams.engine.pauses import StoppingError
from streams.kafka.address import parse_kafka

Handle = Callable[[int], Awaitable[None]]
"""What an agent does with the record at an offset; the record is handled when this returns."""

SESSION_TIMEOUT_S = 6.0


class Log:
    """A topic, by default with one partition, and a group, seen by a client that is not ours."""

    def __init__(self, kafka: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
        """Create the topic with this configuration."""
        name = uuid4().hex[:10]
        self.kafka = kafka
        self.topic = f"facts.{name}"
        self.group = f"facts-{name}"
        self._admin = AdminClient({"bootstrap.servers": kafka})
        topics = [NewTopic(self.topic, partitions, 1, config=dict(config or {}))]
        for created in self._admin.create_topics(topics).values():
            created.result()

    def append(self, values: Iterable[bytes], partition: int = 0) -> None:
        """Write records and wait for the broker."""
        producer = Producer({"bootstrap.servers": self.kafka, "linger.ms": 1})
        for value in values:
            producer.produce(self.topic, value, partition=partition)
        assert producer.flush(10) == 0

    def committed(self) -> int:
        """Offset from which the next owner of the partition will read."""
        # Not AdminClient.list_consumer_group_offsets: it crashes librdkafka while a new broker loads its coordinator.
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": self.group})
        try:
            (found,) = consumer.committed([TopicPartition(self.topic, 0)], timeout=30)
        finally:
            consumer.close()
        offset: int = found.offset
        return max(0, offset)

    def members(self) -> int:
        """How many members the group has; 0 during a rebalance, when a member may still read as before it."""
        found = self._admin.describe_consumer_groups([self.group])[self.group].result()
        return len(found.members) if found.state is ConsumerGroupState.STABLE else 0

    def values(self, partition: int = 0) -> list[bytes]:
        """Return the values in the partition."""
        consumer = Consumer(
            {"bootstrap.servers": self.kafka, "group.id": uuid4().hex, "enable.partition.eof": True}
        )
        consumer.assign([TopicPartition(self.topic, partition, 0)])
        found: list[bytes] = []
        while (message := consumer.poll(10)) is not None and message.error() is None:
            found.append(message.value() or b"")
        consumer.close()
        return found

    def lost(self, handled: Iterable[int]) -> set[int]:
        """Offsets that nobody handled and that will not be redelivered."""
        return set(range(self.committed())) - set(handled)


class Ours:
    """Our engine, stopped as the worker stops it."""

    def __init__(
        self,
        log: Log,
        handle: Handle,
        *,
        commit_every_s: float = 0.2,
        records: int = 1000,
        leaves: bool = False,
        **_: object,
    ) -> None:
        """`records` is the largest batch; with `leaves` the rest of a revoked batch is left."""
        self._stopping = asyncio.Event()

        async def settle(batch: RecordBatch) -> Unfinished:
            for record in batch.records:
                if leaves and batch.is_revoked:
                    raise StoppingError
                await handle(record.offset)
            return SETTLED

        settings = AppSettings(parse_kafka(log.kafka), log.group, SESSION_TIMEOUT_S, batch_records=records)
        self.app = create_app(settings, {"agent": (log.topic, settle)}, self._stopping)
        self.app.conf.broker_commit_interval = commit_every_s

    @property
    def consumer(self) -> BatchConsumer:
        """The consumer, once started."""
        found = self.app.consumer
        assert isinstance(found, BatchConsumer)
        return found

    async def start(self) -> None:
        """Join the group."""
        await self.app.start()

    async def stop(self) -> None:
        """Stop in order, for as long as that takes."""
        self._stopping.set()
        await self.consumer.wait_empty()
        await self.app.stop()


class Stock:
    """Faust without our transport."""

    def __init__(
        self,
        log: Log,
        handle: Handle,
        *,
        commit_every_s: float = 0.2,
        reads: str = "raw",
        **options: Any,  # noqa: ANN401 - Faust's own
    ) -> None:
        """`reads` is the serializer of values, `options` are Faust's."""
        self.app = faust.App(
            log.group,
            broker=f"kafka://{log.kafka}",
            broker_commit_interval=commit_every_s,
            broker_session_timeout=SESSION_TIMEOUT_S,
            consumer_auto_offset_reset="earliest",
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            datadir=tempfile.gettempdir(),
            store="memory://",
            cache="memory://",
            **options,
        )
        topic = self.app.topic(log.topic, value_serializer=reads)

        async def agent(stream: StreamT[Any]) -> None:
            async for event in stream.events():
                await handle(event.message.offset)

        self.app.agent(topic)(agent)

    async def start(self) -> None:
        """Join the group."""
        await self.app.start()

    async def stop(self) -> None:
        """Stop in order, for as long as that takes."""
        await self.app.stop()


@asynccontextmanager
async def started(member: Ours | Stock) -> AsyncIterator[None]:
    """Join the group for the length of the block; stop in order after it, whatever happened in it."""
    await member.start()
    try:
        yield
    finally:
        await member.stop()


async def until(is_true: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait for a condition. Raise TimeoutError."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(0.02)
