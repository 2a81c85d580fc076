"""Agents settle the batches of their topic, and continue after failures."""

from __future__ import annotations

import asyncio

import pytest

from streams.engine.faust.agents import settle_batch
from streams.engine.faust.batch import Unobserved
from streams.engine.handover import RecordBatch
from streams.engine.pauses import StoppingError
from streams.kafka.producer import PublishError
from streams.store.engine import StoreUnavailableError
from tests.support.batches import AGENT, batch_of


@pytest.mark.parametrize(
    "error", [PublishError("away"), StoreUnavailableError("away"), StoppingError(), ValueError("a defect")]
)
async def test_a_batch_whose_work_fails_is_not_settled_and_the_agent_goes_on(error: Exception) -> None:
    batch, should_stop = batch_of(0), asyncio.Event()

    async def settle(batch: RecordBatch) -> None:
        should_stop.set()  # so that it is not retried
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
