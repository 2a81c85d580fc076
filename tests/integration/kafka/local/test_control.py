"""Test that a kept broker runs until it is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.kafka.local import (
    LocalKafka,
    ensure_kafka,
    keep,
    status,
    stop,
)


def javas(data: Path) -> list[int]:
    """Return the process ids of every Java of the data folder, by the process table instead of our own files."""
    pids = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == "java" and Path(process.cwd()) == data / "kafka":
                pids.append(process.pid)
        except psutil.Error:  # the process has ended meanwhile
            continue
    return pids


def produce(bootstrap: str, values: list[bytes]) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic("leads", 1, 1)])["leads"].result(10)
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    for value in values:
        producer.produce("leads", value)
    assert producer.flush(10) == 0


def consume(bootstrap: str, count: int) -> list[bytes | None]:
    settings = {"bootstrap.servers": bootstrap, "group.id": "reader", "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.subscribe(["leads"])
    records = consumer.consume(count, timeout=20)
    consumer.close()
    return [record.value() for record in records]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """Yield a data folder whose name is hard on settings files and class paths; no process may be left in it."""
    folder = tmp_path / "dätä, of = ours"
    yield folder
    stop(folder)
    assert javas(folder) == []


def test_a_kept_broker_runs_until_it_is_stopped(data: Path) -> None:
    with ensure_kafka(data) as held:
        keep(data)
    running = status(data)
    assert (running.is_running, running.is_kept, running.is_used, running.pid) == (
        True,
        True,
        False,
        held.pid,
    )

    with ensure_kafka(data) as joined:
        assert joined.pid == held.pid
    assert status(data).is_running

    assert stop(data)
    assert javas(data) == []
    assert not stop(data)


@pytest.mark.long
def test_a_restart_keeps_port_records_and_being_kept(data: Path) -> None:
    with LocalKafka(data) as kafka:
        keep(data)
        produce(kafka.bootstrap, [b"one"])
        before = (kafka.bootstrap, kafka.pid)

        after = kafka.restart()

        assert after == before[0]
        assert kafka.pid != before[1]
        assert status(data).is_kept
        assert consume(after, 1) == [b"one"]
