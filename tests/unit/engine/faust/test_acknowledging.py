"""When a batch counts as settled, and how far offsets may be committed, without a broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from aiokafka.structs import ConsumerRecord
from faust.types import TP

from streams.engine.faust.agents import settle_batch
from streams.engine.faust.app import AppSettings, SafeApp, create_app
from streams.engine.faust.backlog import Backlog
from streams.engine.faust.batch import Batch, Unobserved
from streams.engine.faust.transport import BatchConsumer
from streams.engine.handover import RecordBatch, Unfinished
from streams.engine.pauses import StoppingError
from streams.kafka.address import parse_kafka
from streams.kafka.producer import PublishError
from streams.store.engine import StoreUnavailableError

AGENT, PLACE = "agent", TP("topic", 0)


def record(offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(
        topic=PLACE.topic,
        partition=PLACE.partition,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=None,
        value=b"{}",
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=2,
        headers=(),
    )


def batch_of(*offsets: int) -> Batch:
    return Batch({PLACE: [record(offset) for offset in offsets]}, [AGENT], lambda: None)


async def test_a_batch_counts_as_settled_only_when_all_its_work_is_done() -> None:
    batch, should_stop = batch_of(0), asyncio.Event()
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def settle(batch: RecordBatch) -> None:
        has_begun.set()
        await may_end.wait()

    settling = asyncio.create_task(settle_batch(AGENT, settle, batch, should_stop, Unobserved()))
    await has_begun.wait()
    was_settled = batch.is_settled
    may_end.set()
    await settling

    assert (was_settled, batch.is_settled) == (False, True)


@pytest.mark.parametrize(
    "error", [PublishError("away"), StoreUnavailableError("away"), StoppingError(), ValueError("a defect")]
)
async def test_a_batch_whose_work_fails_is_not_settled_and_the_agent_goes_on(error: Exception) -> None:
    batch, should_stop = batch_of(0), asyncio.Event()

    async def settle(batch: RecordBatch) -> None:
        should_stop.set()  # so that it is not tried again
        raise error

    await settle_batch(AGENT, settle, batch, should_stop, Unobserved())

    assert not batch.is_settled


async def test_a_batch_that_was_taken_away_is_not_begun() -> None:
    batch = batch_of(0)
    batch.is_revoked = True
    begun: list[RecordBatch] = []

    async def settle(batch: RecordBatch) -> None:
        begun.append(batch)

    await settle_batch(AGENT, settle, batch, asyncio.Event(), Unobserved())

    assert (begun, batch.is_settled) == ([], False)


@pytest.fixture
async def consumer() -> AsyncIterator[BatchConsumer]:
    async def settle(batch: RecordBatch) -> Unfinished:
        raise AssertionError

    settings = AppSettings(parse_kafka("127.0.0.1:9092"), "group", 6.0)
    found = create_app(settings, {AGENT: (PLACE.topic, settle)}, asyncio.Event()).consumer
    assert isinstance(found, BatchConsumer)
    yield found
    found._thread.thread_loop.close()  # Faust makes one before the thread, which is never started here


async def test_offsets_are_committed_up_to_the_lowest_batch_that_is_not_settled(
    consumer: BatchConsumer,
) -> None:
    batches: list[Batch] = [
        consumer._batch_message(PLACE.topic, {PLACE: [record(offset), record(offset + 1)]})[1].value
        for offset in (0, 2, 4)
    ]
    committable = []

    for number in (0, 2, 1):
        batches[number].end(AGENT, is_settled=True)
        committable.append(consumer._new_offset(PLACE))

    assert committable == [2, 2, 6]


async def test_what_an_agent_put_aside_is_not_committed(consumer: BatchConsumer) -> None:
    batch: Batch = consumer._batch_message(PLACE.topic, {PLACE: [record(0), record(1), record(2)]})[1].value
    backlog = Backlog()
    cast("SafeApp", consumer.transport.app).backlogs_by_topic = {PLACE.topic: [backlog]}
    backlog.put({PLACE: (1, 3)})
    batch.end(AGENT, is_settled=True)
    while_it_pauses = consumer._new_offset(PLACE)
    backlog.forget([PLACE])

    assert (while_it_pauses, consumer._new_offset(PLACE)) == (1, 3)
