"""No record is lost while workers join and leave under load."""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio.subprocess import Process
from collections import deque
from itertools import count

import pytest
from confluent_kafka import Producer

from tests.acceptance import leashed
from tests.integration.faust_facts.harness import Log, until

PARTITIONS = 6
SECONDS = 24.0
CHANGE_EVERY_S = 2.0
STOP_WITHIN_S = 10.0


async def new_worker(log: Log, results: Log) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        leashed.__file__,
        "tests.integration.faust_facts.relay",
        log.kafka,
        log.group,
        log.topic,
        results.topic,
    )


@pytest.mark.long
async def test_no_record_is_lost_while_workers_join_and_leave(kafka: str) -> None:
    log, results = Log(kafka, PARTITIONS), Log(kafka)
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 5})
    is_over = asyncio.Event()
    sent = 0

    async def load() -> None:
        nonlocal sent
        for number in count():
            producer.produce(log.topic, b"%d" % number, partition=number % PARTITIONS)
            if number % 50 == 0:
                await asyncio.sleep(0.05)
                if is_over.is_set():
                    sent = number + 1
                    return

    loading = asyncio.create_task(load())
    workers = deque([await new_worker(log, results) for _ in range(3)])
    stops: list[float] = []
    try:
        await until(lambda: log.members() == len(workers))
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            await asyncio.sleep(CHANGE_EVERY_S)
            leaving = workers.popleft()
            workers.append(await new_worker(log, results))
            leaving.terminate()
            began = time.monotonic()
            assert await leaving.wait() == 0
            stops.append(time.monotonic() - began)
        is_over.set()
        await loading
        assert producer.flush(10) == 0
        await until(lambda: len(set(results.values())) == sent, seconds=20)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            await worker.wait()

    assert set(range(sent)) - {int(value) for value in results.values()} == set()
    assert max(stops) < STOP_WITHIN_S
