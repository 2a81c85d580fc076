"""Fill, read and check topics with a client that shares no code with what is measured."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

import psutil
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from topics.envelope import Headers

PARTITIONS = 12
TIMEOUT_S = 30.0
_JAR = re.compile(r"kafka_2\.\d+-([0-9.]+)\.jar")


class Cluster:
    """One Kafka, seen from outside."""

    def __init__(self, bootstrap: str) -> None:
        """Take `host:port,…`; nothing is connected yet."""
        self.bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._made: list[str] = []

    def check(self) -> None:
        """Raise KafkaException when the brokers do not answer."""
        self._admin.list_topics(timeout=TIMEOUT_S)

    def version(self) -> str:
        """Version of a broker on this machine, read from its class path; the protocol does not tell it."""
        port = int(self.bootstrap.split(",")[0].rpartition(":")[2])
        with suppress(psutil.Error):
            for connection in psutil.net_connections("tcp"):
                if (
                    connection.status == psutil.CONN_LISTEN
                    and connection.laddr[1:] == (port,)
                    and connection.pid
                ):
                    found = _JAR.search(" ".join(psutil.Process(connection.pid).cmdline()))
                    if found:
                        return found[1]
        return "unknown"

    def make(self, topics: Iterable[str]) -> None:
        """Make fresh topics, and wait until they can be written."""
        names = list(topics)
        for made in self._admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names]).values():
            made.result(TIMEOUT_S)
        self._made += names
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            found = self._admin.list_topics(timeout=TIMEOUT_S).topics
            if all(name in found and len(found[name].partitions) == PARTITIONS for name in names):
                return
            time.sleep(0.05)
        raise TimeoutError(f"the broker made no topic {names[0]} within {TIMEOUT_S:.0f} s")

    def adopt(self, topics: Iterable[str]) -> None:
        """Let `clear` delete topics, too, that the product makes."""
        self._made += topics

    def clear(self) -> None:
        """Delete what `make` made."""
        if self._made:
            for gone in self._admin.delete_topics(self._made).values():
                with suppress(KafkaException):
                    gone.result(TIMEOUT_S)
            self._made.clear()

    def fill(
        self,
        topic: str,
        records: Iterable[tuple[bytes, bytes]],
        headers: Iterable[Headers] = itertools.repeat([]),
    ) -> None:
        """Publish keys and values, and headers. Raises RuntimeError when the broker did not take all."""
        producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "log_level": 0,
                "linger.ms": 5,
                # Without it a retry reorders what a contender is then blamed for: seen on topics just made.
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "queue.buffering.max.messages": 2_000_000,
                "queue.buffering.max.kbytes": 2_000_000,
            }
        )
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failed.append(error)

        for (key, value), headers_of_record in zip(records, headers, strict=False):
            producer.produce(topic, value, key, headers=[*headers_of_record], on_delivery=delivered)
            producer.poll(0)
        if producer.flush(TIMEOUT_S * 4) or failed:
            raise RuntimeError(f"the broker did not take what {topic} was to be filled with: {failed[:1]}")

    def reader(self, topics: Iterable[str]) -> Reader:
        """Begin to read topics from their beginning, outside any group."""
        return Reader(self.bootstrap, list(topics))

    def committed(self, group: str, topics: Iterable[str]) -> int:
        """Sum of a group's committed offsets: how many records of fresh topics it acknowledged."""
        wanted = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
        # Not AdminClient.list_consumer_group_offsets: librdkafka dies of it while a new broker loads its coordinator.
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group})
        try:
            found = consumer.committed(wanted, timeout=TIMEOUT_S)
        finally:
            consumer.close()
        return sum(max(partition.offset, 0) for partition in found)


class Reader:
    """Reads all partitions of some topics from their beginning."""

    def __init__(self, bootstrap: str, topics: list[str]) -> None:
        """Assign the partitions."""
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "log_level": 0,
                "group.id": "bench-reader",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 20,
            }
        )
        self._partitions = [
            TopicPartition(topic, number, 0) for topic in topics for number in range(PARTITIONS)
        ]
        self._consumer.assign(self._partitions)

    def some(self, timeout_s: float) -> list[Message]:
        """Return the records that have arrived; wait that long when there are none."""
        return [message for message in self._consumer.consume(5000, timeout_s) if _is_record(message)]

    def to_the_end(self) -> Iterator[Message]:
        """Return every record that exists when this is called."""
        left = 0
        for partition in self._partitions:
            low, high = self._consumer.get_watermark_offsets(partition, TIMEOUT_S)
            left += high - low
        deadline = time.monotonic() + TIMEOUT_S * 4
        while left > 0:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left} records that the broker counts could not be read")
            for message in self.some(0.1):
                left -= 1
                yield message

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is not None and error.fatal():
        raise KafkaException(error)
    return error is None
