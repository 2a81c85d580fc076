"""The tests' client from outside: topics with confluent-kafka, tables with plain SQL. It shares no code with us.

What it needs of the public contract is written down here once more, so that a product that leaves it is noticed.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import psycopg
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

NAMESPACE = UUID("6f1f6f0e-5c0b-5d53-9d0c-0f4ac9f5b0a7")
LETTER = "__dlq.errors."

RECEIVED = "leads.received.v1"
VALIDATED = "leads.validated.v1"
REJECTED = "leads.rejected.v1"
MATCHED = "leads.matched.v1"
UPSERTED = "contacts.upserted.v1"
ASSIGNED = "leads.assigned.v1"
WELCOMED = "leads.welcomed.v1"
NOTIFIED = "owners.notified.v1"
REQUESTS = "actions.requests.v1"
LETTERS = "leads.dead-letters.v1"

RESULTS = (VALIDATED, REJECTED, MATCHED, UPSERTED, ASSIGNED, WELCOMED, NOTIFIED)
CONSUMED = (RECEIVED, VALIDATED, MATCHED, UPSERTED, ASSIGNED, REQUESTS, LETTERS)
"""What the consumer group reads."""
TOPICS = tuple(dict.fromkeys((RECEIVED, *RESULTS, *CONSUMED)))

READ_WITHIN_S = 60.0
NO_LEADER = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
Headers = list[tuple[str, bytes | None]]
Query = Callable[[str], Sequence[Sequence[Any]]]


def derive(*parts: object) -> str:
    """Return the UUIDv5 of the parts as compact JSON."""
    return str(uuid5(NAMESPACE, json.dumps(parts, separators=(",", ":"), ensure_ascii=False)))


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `topic` is without the prefix."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    def header(self, name: str) -> str | None:
        """Return the text of the last header with this name."""
        found = [value for given, value in self.headers if given == name]
        return None if not found or found[-1] is None else found[-1].decode(errors="replace")

    @property
    def original_headers(self) -> Headers:
        """Headers without those of a dead letter."""
        return [(name, value) for name, value in self.headers if not name.startswith(LETTER)]

    @property
    def data(self) -> dict[str, Any]:
        """The value as a JSON object; empty when it is not one."""
        try:
            found = json.loads(self.value or b"null")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def committed(bootstrap: str, prefix: str, group: str) -> dict[tuple[str, int], int]:
    """Return the group's next offset per topic (without prefix) and partition; the group is not joined.

    Asked through a consumer: AdminClient.list_consumer_group_offsets of confluent-kafka 2.16.1 ends the process with a
    segmentation fault while a new broker is still loading its groups.
    """
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "log_level": 4}
    )
    try:
        places = _partitions(consumer, prefix, CONSUMED)
        return {
            (place.topic.removeprefix(prefix), place.partition): place.offset
            for place in (consumer.committed(places, timeout=30) if places else ())
            if place.offset >= 0
        }
    finally:
        consumer.close()


def ends(bootstrap: str, prefix: str) -> dict[tuple[str, int], int]:
    """Return the end offset per topic (without prefix) and partition of every topic that the group reads."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "nobody", "log_level": 4})
    try:
        return {
            (place.topic.removeprefix(prefix), place.partition): end_of(consumer, place)
            for place in _partitions(consumer, prefix, CONSUMED)
        }
    finally:
        consumer.close()


def end_of(consumer: Consumer, place: TopicPartition) -> int:
    """Return the end offset of a partition, as soon as its leader knows of it."""
    deadline = time.monotonic() + READ_WITHIN_S
    while True:
        try:
            end: int = consumer.get_watermark_offsets(place, timeout=30)[1]
        except KafkaException as error:
            # A topic that has just been made may not have a leader that knows of it.
            if error.args[0].code() not in NO_LEADER or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return end


def _partitions(consumer: Consumer, prefix: str, names: Iterable[str]) -> list[TopicPartition]:
    there = consumer.list_topics(timeout=30).topics
    return [
        TopicPartition(prefix + name, partition, OFFSET_BEGINNING)
        for name in names
        if prefix + name in there
        for partition in there[prefix + name].partitions
    ]


def read_topics(bootstrap: str, prefix: str, names: Iterable[str] = TOPICS) -> dict[str, list[Record]]:
    """Return every record of these topics, from the first to the last. Raise `TimeoutError`."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "nobody",
            "log_level": 4,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    found: dict[str, list[Record]] = {name: [] for name in names}
    try:
        places = _partitions(consumer, prefix, found)
        consumer.assign(places)
        unfinished = {(place.topic, place.partition) for place in places}
        deadline = time.monotonic() + READ_WITHIN_S
        while unfinished:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{len(unfinished)} partitions were not read to their end in {READ_WITHIN_S:.0f} s"
                )
            for message in consumer.consume(1000, timeout=0.5):
                error = message.error()
                if error is None:
                    record = _record(message, prefix)
                    found[record.topic].append(record)
                elif error.code() == KafkaError._PARTITION_EOF:
                    unfinished.discard((message.topic() or "", message.partition() or 0))
                else:
                    raise RuntimeError(str(error))
    finally:
        consumer.close()
    for records in found.values():
        records.sort(key=lambda record: (record.partition, record.offset))
    return found


def _record(message: Message, prefix: str) -> Record:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    headers: Any = message.headers() or []
    value: Any = message.value()
    key: Any = message.key()
    return Record(
        topic.removeprefix(prefix), partition, offset, message.timestamp()[1], key, value, list(headers)
    )


def query(database: str) -> Query:
    """Return a function that runs one SELECT on this SQLAlchemy-style URL."""
    if database.startswith("sqlite:///"):
        path = database.removeprefix("sqlite:///")

        def ask_sqlite(statement: str) -> Sequence[Sequence[Any]]:
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
            try:
                return connection.execute(statement).fetchall()
            finally:
                connection.close()

        return ask_sqlite

    def ask_postgres(statement: str) -> Sequence[Sequence[Any]]:
        with psycopg.connect(database.replace("+psycopg", ""), connect_timeout=10) as connection:
            return connection.execute(statement.encode()).fetchall()

    return ask_postgres
