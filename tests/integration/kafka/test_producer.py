"""Run the suite of the log on a real broker, read by a client other than ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import cast

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from streams.kafka.address import parse_kafka
from streams.kafka.producer import KafkaPublisher, Outgoing, PublishError, new_producer
from tests.integration.faust_facts.harness import Log
from tests.suites.log import PARTITIONS, Delivered, LogSuite, values
from topics.envelope import Headers


class OnKafka:
    """One topic of a real broker."""

    def __init__(self, kafka: str, publisher: KafkaPublisher) -> None:
        self._kafka = kafka
        self._publisher = publisher
        self.topic = Log(kafka, PARTITIONS).topic

    async def publish(self, records: Sequence[Outgoing]) -> None:
        await self._publisher.publish(records)

    def append(self, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        producer = Producer({"bootstrap.servers": self._kafka, "partitioner": "murmur2_random"})
        producer.produce(self.topic, key=key, value=value, headers=list(headers))
        assert producer.flush(10) == 0

    def _member(self, group: str) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._kafka,
                "group.id": f"{self.topic}-{group}",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )

    def deliver(self, group: str) -> list[Delivered]:
        member = self._member(group)
        delivered: list[Delivered] = []
        ended = 0
        try:
            member.assign([TopicPartition(self.topic, number) for number in range(PARTITIONS)])
            while ended < PARTITIONS:
                message = member.poll(10)
                assert message is not None, f"the broker sent nothing for 10 s after {len(delivered)} records"
                if message.error() is not None:
                    ended += 1
                    continue
                partition, offset = message.partition(), message.offset()
                assert partition is not None
                assert offset is not None
                headers = cast("Headers", message.headers() or [])
                delivered.append(Delivered(partition, offset, message.key(), message.value(), headers))
        finally:
            member.close()
        return sorted(delivered, key=lambda record: (record.partition, record.offset))

    def commit(self, group: str, record: Delivered) -> None:
        member = self._member(group)
        after = TopicPartition(self.topic, record.partition, record.offset + 1)
        member.commit(offsets=[after], asynchronous=False)
        member.close()


class TestLogOnKafka(LogSuite):
    @pytest.fixture
    async def log(self, kafka: str) -> AsyncIterator[OnKafka]:
        async with KafkaPublisher(partial(new_producer, parse_kafka(kafka))) as publisher:
            yield OnKafka(kafka, publisher)

    async def test_what_the_broker_refuses_fails_alone_and_what_comes_after_it_is_taken(
        self, kafka: str
    ) -> None:
        topic = Log(kafka, PARTITIONS, {"max.message.bytes": "1000"}).topic

        async with KafkaPublisher(partial(new_producer, parse_kafka(kafka))) as publisher:
            await publisher.publish([Outgoing(topic, b"key", b"before", [])])
            with pytest.raises(PublishError):
                await publisher.publish([Outgoing(topic, b"key", b"x" * 2000, [])])
            await publisher.publish([Outgoing(topic, b"key", b"after", [])])

        log = OnKafka(kafka, publisher)
        log.topic = topic
        assert values(log.deliver("group")) == [b"before", b"after"]
