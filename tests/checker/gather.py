"""This file gathers the evidence: topics with confluent-kafka, tables with plain SQL, mails and webhooks from files."""

from __future__ import annotations

import base64
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from tests.checker.evidence import (
    ACTIONS,
    CONSUMED,
    LETTERS,
    REQUESTS,
    RESULTS,
    ContactRow,
    EffectRow,
    Evidence,
    LedgerRow,
    LetterRow,
    Mail,
    Record,
    Webhook,
)

TOPICS = tuple(dict.fromkeys((*ACTIONS, *RESULTS, REQUESTS, LETTERS)))
READ_WITHIN_S = 60.0
NO_LEADER = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
Query = Callable[[str], Sequence[Sequence[Any]]]


def gather(
    bootstrap: str, prefix: str, group: str, database: str, mail_file: Path, webhook_file: Path
) -> Evidence:
    """Read everything. Offsets first and logs last, so that what moves meanwhile looks unread rather than lost."""
    offsets = committed(bootstrap, prefix, group)
    evidence = Evidence(prefix, group, read_topics(bootstrap, prefix), offsets)
    read_tables(database, evidence)
    evidence.mails = [Mail(tuple(line["to"]), line["message_id"]) for line in _lines(mail_file)]
    evidence.webhooks = [Webhook(line["webhook_id"], line["lead_id"]) for line in _lines(webhook_file)]
    return evidence


def committed(bootstrap: str, prefix: str, group: str) -> dict[tuple[str, int], int]:
    """Next offset of the group per topic (without prefix) and partition; the group is not joined.

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
    """End offset per topic (without prefix) and partition of every topic the group reads."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "nobody", "log_level": 4})
    try:
        return {
            (place.topic.removeprefix(prefix), place.partition): _end(consumer, place)
            for place in _partitions(consumer, prefix, CONSUMED)
        }
    finally:
        consumer.close()


def _end(consumer: Consumer, place: TopicPartition) -> int:
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
    """Every record of these topics, from the first to the last there is. Raises TimeoutError."""
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
    """Give a function that runs one SELECT on this SQLAlchemy-style URL."""
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


def read_tables(database: str, evidence: Evidence) -> None:
    """Read ledger, contacts, effects and letters."""
    ask = query(database)
    evidence.ledger = [
        LedgerRow(_uuid(row[0]), row[1], row[2], row[3], row[4], _bytes(row[5]))
        for row in ask("SELECT id, action, correlation_id, lead_id, status, result FROM ledger")
    ]
    evidence.contacts = [
        ContactRow(*row)
        for row in ask("SELECT contact_key, contact_id, email, phone, owner_id, revision FROM contacts")
    ]
    evidence.effects = [
        EffectRow(row[0], _uuid(row[1]), row[2], row[3])
        for row in ask("SELECT key, ledger_id, status, reference FROM effects")
    ]
    evidence.letters = [
        LetterRow(row[0], row[1], row[2], _bytes(row[3]), _bytes(row[4]), _headers(row[5]))
        for row in ask("SELECT id, status, generation, record_key, record_value, record_headers FROM letters")
    ]


def _uuid(raw: bytes) -> str:
    return str(UUID(bytes=bytes(raw)))


def _bytes(raw: bytes | None) -> bytes | None:
    return None if raw is None else bytes(raw)


def _headers(raw: bytes) -> list[tuple[str, bytes | None]]:
    return [(name, None if text is None else base64.b64decode(text)) for name, text in json.loads(bytes(raw))]


def _lines(path: Path) -> list[dict[str, Any]]:
    """Whole lines of a JSON Lines file; a last one without its end was never acknowledged to anybody."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
