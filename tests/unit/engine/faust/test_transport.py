"""How far offsets may be committed, without a broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from streams.engine.faust.app import AppSettings, SafeApp, create_app
from streams.engine.faust.backlog import Backlog
from streams.engine.faust.batch import Batch
from streams.engine.faust.transport import BatchConsumer
from streams.engine.handover import RecordBatch, Unfinished
from streams.kafka.address import parse_kafka
from tests.support.batches import AGENT, PLACE, record


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
