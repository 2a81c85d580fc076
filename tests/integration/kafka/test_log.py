"""Run the suite of reading topics back on a real broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
from aiokafka import TopicPartition as Place
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from confluent_kafka import Consumer, Producer, TopicPartition

from streams.kafka.address import KafkaAddress, parse_kafka
from streams.kafka.log import KafkaLog, Log, open_log
from streams.kafka.topics import apply, wanted_topics
from tests.suites.reading_back import KEYS, ReadingBackSuite
from tests.support.outside_client import end_of
from topics.events import LeadReceived
from topics.registry import TopicNames

PARTITIONS = 4


class KeptOnKafka:
    """The topic of received leads under a unique prefix."""

    def __init__(
        self, kafka: str, admin: AIOKafkaAdminClient, names: TopicNames, stack: AsyncExitStack
    ) -> None:
        self._address: KafkaAddress = parse_kafka(kafka)
        self._kafka = kafka
        self._admin = admin
        self._names = names
        self._stack = stack
        self._written = 0
        self.group = f"{names.prefix}group"
        self.topic = names.of(LeadReceived)

    async def write(self, keys: Sequence[bytes]) -> None:
        producer = Producer({"bootstrap.servers": self._kafka, "partitioner": "murmur2_random"})
        for key in keys:
            producer.produce(self.topic, key=key, value=str(self._written).encode())
            self._written += 1
        assert producer.flush(10) == 0

    async def moment_between(self) -> int:
        await asyncio.sleep(0.05)
        moment = int(time.time() * 1000)
        await asyncio.sleep(0.05)
        return moment

    async def acknowledge(self, number: int) -> None:
        member = Consumer({"bootstrap.servers": self._kafka, "group.id": self.group})
        ends = [end_of(member, TopicPartition(self.topic, each)) for each in range(PARTITIONS)]
        offsets = [
            TopicPartition(self.topic, each, number) for each in range(PARTITIONS) if ends[each] >= number
        ]
        member.commit(offsets=offsets, asynchronous=False)
        member.close()

    async def open(self) -> KafkaLog:
        return await self._stack.enter_async_context(
            open_log(self._admin, self._address, self._names, self.group)
        )

    async def delete_before(self, offset: int) -> None:
        """Delete records as retention does."""
        await self._admin.delete_records(
            {Place(self.topic, each): RecordsToDelete(offset) for each in range(PARTITIONS)}
        )


class TestReadingBackOnKafka(ReadingBackSuite):
    @pytest.fixture
    async def kept(self, kafka: str) -> AsyncIterator[KeptOnKafka]:
        names = TopicNames(f"t{uuid4().hex[:8]}.")
        async with AsyncExitStack() as stack:
            admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
            await admin.start()
            stack.push_async_callback(admin.close)
            await apply(admin, wanted_topics(names, partitions=PARTITIONS, replication_factor=1), {})
            yield KeptOnKafka(kafka, admin, names, stack)

    async def test_what_retention_took_is_noticed(self, kept: KeptOnKafka) -> None:
        before = await kept.moment_between()
        await kept.write(KEYS)
        after = await kept.moment_between()
        await kept.delete_before(1)
        log: Log = await kept.open()

        assert await log.forgotten(kept.topic, before) is not None
        assert await log.forgotten(kept.topic, after) is None
