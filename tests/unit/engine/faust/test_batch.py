"""A batch is settled when every agent of its topic has settled it."""

from __future__ import annotations

import asyncio

from streams.engine.faust.agents import settle_batch
from streams.engine.faust.batch import Unobserved
from streams.engine.handover import RecordBatch
from tests.support.batches import AGENT, batch_of


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
