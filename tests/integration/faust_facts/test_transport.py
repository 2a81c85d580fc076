"""What our transport does and Faust's does not: see "What else the transport repairs" in docs/faust-facts.md."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from streams.engine.faust import transport
from streams.engine.faust.consumer_thread import ConsumerThread
from streams.engine.faust.transport import BatchConsumer
from streams.kafka.local import LocalKafka
from tests.integration.faust_facts.harness import Log, Ours, started, until

LAST = 19
STOP_WITHIN_S = 10.0


async def test_a_seek_back_reaches_records_of_a_partition_that_has_nothing_committed(kafka: str) -> None:
    log = Log(kafka)
    log.append(b"" for _ in range(LAST + 1))
    handled: set[int] = set()
    is_reached, may_go_on = asyncio.Event(), asyncio.Event()

    async def handle(offset: int) -> None:
        is_reached.set()
        await may_go_on.wait()
        handled.add(offset)

    member = Ours(log, handle, records=5)
    async with started(member):
        await is_reached.wait()
        await until(lambda: len(member.consumer._open[log.topic]) == transport.BATCHES_PER_TOPIC)
        # The engine does this when it fetched records of an assignment that is being revoked.
        await member.consumer.perform_seek()
        may_go_on.set()
        await until(lambda: log.committed() == LAST + 1)

    assert handled == set(range(LAST + 1))


async def test_a_member_that_gets_its_first_partition_does_not_read_before_the_seek(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(kafka)
    handled: list[int] = []

    async def handle(offset: int) -> None:
        handled.append(offset)

    seek = BatchConsumer.perform_seek

    async def slow_seek(self: BatchConsumer) -> None:
        await asyncio.sleep(1.5)  # longer than a poll
        await seek(self)

    first, second = Ours(log, handle, commit_every_s=60.0), Ours(log, handle, commit_every_s=60.0)
    async with started(first), started(second):
        await until(lambda: log.members() == 2 and not second.app.rebalancing)
        owner, other = (first, second) if first.consumer.assignment() else (second, first)
        monkeypatch.setattr(BatchConsumer, "perform_seek", slow_seek)
        await owner.stop()
        log.append(b"" for _ in range(LAST))
        await until(lambda: bool(other.consumer.assignment()) and not other.app.rebalancing)
        log.append([b""])
        await until(lambda: LAST in handled)

    assert handled == list(range(LAST + 1))


async def test_a_seek_that_gets_no_answer_ends_the_engine_so_that_it_starts_again(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_answer(self: ConsumerThread) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(ConsumerThread, "_seek_to_committed", no_answer)
    monkeypatch.setattr(transport, "SEEK_WAIT_S", 0.2)

    async def handle(offset: int) -> None:
        raise AssertionError(offset)

    member = Ours(Log(kafka), handle)
    async with started(member):
        await until(lambda: bool(member.app.should_stop))


async def test_a_worker_stays_in_its_group_while_the_store_is_away(kafka: str) -> None:
    log = Log(kafka)
    log.append(b"" for _ in range(LAST + 1))
    handled: set[int] = set()
    is_away = True

    async def handle(offset: int) -> None:
        if is_away:
            raise ConnectionError
        handled.add(offset)

    member = Ours(log, handle, records=5)
    member.app.conf.broker_max_poll_interval = 2.0
    async with started(member):
        await asyncio.sleep(5)
        members = log.members()
        is_away = False
        await until(lambda: LAST in handled)

    assert members == 1


async def test_a_busy_topic_does_not_wait_for_the_fetch_of_idle_ones(kafka: str) -> None:
    log = Log(kafka, partitions=2)  # the second one is idle
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 1})
    appended: list[float] = []
    waited: list[float] = []
    worked_at = 0.0

    async def handle(offset: int) -> None:
        nonlocal worked_at
        waited.append(time.monotonic() - appended[offset])
        if time.monotonic() - worked_at > 0.01:  # the first one of its batch
            await asyncio.sleep(0.15)  # longer than the fetcher waits for its records to be taken
        worked_at = time.monotonic()

    member = Ours(log, handle)
    async with started(member):
        await until(lambda: bool(member.consumer.assignment()) and not member.app.rebalancing)
        for _ in range(150):
            appended.append(time.monotonic())
            producer.produce(log.topic, b"", partition=0)
            producer.poll(0)
            await asyncio.sleep(0.02)
        await until(lambda: len(waited) == len(appended))
        producer.flush()

    assert statistics.median(waited) < 0.45


async def test_a_batch_that_is_revoked_learns_it_and_the_next_owner_gets_the_rest(kafka: str) -> None:
    log = Log(kafka)
    log.append(b"" for _ in range(LAST + 1))
    handled: list[int] = []
    is_reached = asyncio.Event()

    async def slowly(offset: int) -> None:
        is_reached.set()
        await asyncio.sleep(0.4)
        handled.append(offset)

    async def handle(offset: int) -> None:
        handled.append(offset)

    first, second = Ours(log, slowly, leaves=True), Ours(log, handle)
    async with started(first):
        await is_reached.wait()
        async with started(second):
            await until(lambda: log.members() == 2)
            await first.stop()
            by_first = len(handled)
            await until(lambda: log.committed() == LAST + 1)

    assert (
        by_first * 0.4 < transport.REVOKE_WAIT_S
    )  # it did not continue for the whole time that the revocation waits
    assert set(handled) == set(range(LAST + 1))


async def test_a_rebalance_that_meets_a_stop_does_not_keep_the_member_in_the_group(kafka: str) -> None:
    log = Log(kafka)

    async def handle(offset: int) -> None:
        raise AssertionError(offset)

    member = Ours(log, handle)
    async with started(member):
        await until(lambda: log.members() == 1)
        member.app._on_rebalance_when_stopped()

    await until(lambda: log.members() == 0, seconds=2)


@pytest.fixture
def own_kafka(tmp_path: Path) -> LocalKafka:
    return LocalKafka(tmp_path / "kafka")


async def test_a_stop_ends_in_time_when_the_broker_does_not_answer(own_kafka: LocalKafka) -> None:
    is_reached, never = asyncio.Event(), asyncio.Event()

    async def handle(offset: int) -> None:
        if offset == LAST:
            is_reached.set()
            await never.wait()

    with own_kafka:
        log = Log(own_kafka.start())
        member = Ours(log, handle, records=5)
        await member.start()
        log.append(b"" for _ in range(LAST + 1))
        await is_reached.wait()
        os.kill(own_kafka.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(1)  # a commit is under way
            began = time.monotonic()
            await member.stop()
            took = time.monotonic() - began
        finally:
            os.kill(own_kafka.pid, signal.SIGCONT)

    assert took < STOP_WITHIN_S
