"""Look at a local broker from outside: its Java processes, its state, its records."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.kafka.local.folder import Folder
from streams.kafka.local.state import State

ROOT = Path(__file__).parents[2]
OWNER = """
import sys, time
from pathlib import Path
from streams.kafka.local import ensure_kafka
held = ensure_kafka(Path(sys.argv[1]))
print(held.bootstrap, flush=True)
time.sleep(300)
"""


def eventually(
    condition: Callable[[], bool], within_seconds: float, last_state: Callable[[], object]
) -> None:
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_seconds} s; last state: {last_state()}"
        time.sleep(0.05)


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


def state_of(data: Path) -> State:
    state = State.read(Folder.of(data))
    assert state is not None
    return state


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
