"""An agent that shares its topic loses nothing and keeps the order while its step is paused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from aiokafka.structs import ConsumerRecord
from faust.types import TP

from streams.engine.faust.agents import Agent, SharingAgent
from streams.engine.faust.batch import Batch, Unobserved
from streams.engine.handover import RecordBatch, Unfinished
from streams.engine.pauses import Pause, PauseRules, Pauses
from streams.kafka.reader import Fetched, Ranges
from streams.operations.health.progress import Part
from streams.testing import Clock
from topics.decode import Position, Record

AGENT, PLACE = "agent", TP("topic", 0)


def record(offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(PLACE.topic, PLACE.partition, offset, 0, 0, None, b"{}", 0, 0, 2, ())


def batch_of(parts: Mapping[TP, list[Record]]) -> Batch:
    return Batch(parts, [AGENT], lambda: None)


class Log:
    """Reads the records of offset ranges again; the chaos run with an outage does so on a real broker."""

    async def fetch(self, ranges: Ranges, max_records: int) -> Fetched:
        found = {at: [record(each) for each in range(*ends)][:max_records] for at, ends in ranges.items()}
        return Fetched(found, {at: records[-1].offset + 1 for at, records in found.items()})

    async def aclose(self) -> None:
        """Do nothing: no connection is open."""


class Step:
    """A step that pauses before an offset."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.pauses_at: int | None = None

    async def settle(self, batch: RecordBatch) -> Unfinished:
        left = [
            each for each in batch.records if self.pauses_at is not None and each.offset >= self.pauses_at
        ]
        self.done += [each.offset for each in batch.records if each not in left]
        return Unfinished(AGENT, [Position.of(each) for each in left])


def agent_of(step: Step) -> SharingAgent:
    pauses = Pauses({AGENT: ()}, PauseRules(), Clock())
    return SharingAgent(AGENT, step.settle, pauses, asyncio.Event(), Unobserved(), Log(), batch_of)


async def handle(agent: SharingAgent, batch: Batch) -> None:
    await agent.settle(batch, agent.settle_or_put_aside)


async def test_what_pauses_goes_into_the_backlog_and_what_comes_later_behind_it() -> None:
    step = Step()
    agent = agent_of(step)
    step.pauses_at = 2
    first, second = (
        batch_of({PLACE: [record(each) for each in offsets]}) for offsets in ((0, 1, 2, 3), (4, 5))
    )

    await handle(agent, first)
    step.pauses_at = None  # a later record must not overtake, even if its step could continue now
    await handle(agent, second)
    put_aside = agent.backlog.ranges, agent.backlog.first_offset(PLACE)
    await agent.settle_some()

    assert (first.is_settled, second.is_settled) == (True, True)
    assert put_aside == ({PLACE: (2, 6)}, 2)
    assert step.done == [0, 1, 2, 3, 4, 5]
    assert agent.backlog.is_empty


async def test_what_was_taken_away_meanwhile_is_not_taken_for_done() -> None:
    step = Step()
    agent = agent_of(step)
    step.pauses_at = 0
    await handle(agent, batch_of({PLACE: [record(0)]}))
    agent.backlog.forget([PLACE])
    await handle(agent, batch_of({PLACE: [record(5)]}))

    batch = batch_of({PLACE: [record(5)]})
    agent.backlog.begin(batch)
    agent.backlog.forget([PLACE])
    await handle(agent, batch_of({PLACE: [record(5)]}))
    batch.end(AGENT, is_settled=True)
    agent.backlog.end(batch, {PLACE: 6}, agent.backlog.assignment - 1)

    assert batch.is_revoked
    assert agent.backlog.ranges == {PLACE: (5, 6)}


async def test_an_agent_with_a_topic_of_its_own_waits_with_what_may_not_begin_and_then_settles_it() -> None:
    step, pauses = Step(), Pauses({AGENT: ()}, PauseRules(), Clock())
    part = Part(AGENT)
    agent = Agent(AGENT, step.settle, pauses, asyncio.Event(), part)
    pauses.by_hand = {AGENT: Pause(AGENT, "person", "new templates", Clock().moment)}
    step.pauses_at = 2
    batch = batch_of({PLACE: [record(each) for each in (0, 1, 2, 3)]})

    settling = asyncio.create_task(agent.settle(batch, agent.settle_or_wait))
    await until_it_waits(part)
    done_before, was_settled, step.pauses_at, pauses.by_hand = [*step.done], batch.is_settled, None, {}
    await settling

    assert (done_before, was_settled) == ([0, 1], False)
    assert (step.done, batch.is_settled) == ([0, 1, 2, 3], True)


@pytest.mark.parametrize("why", ["revoked", "stopping"])
async def test_an_agent_that_waits_gives_a_batch_back_unsettled(why: str) -> None:
    step, pauses = Step(), Pauses({AGENT: ()}, PauseRules(), Clock())
    part, should_stop = Part(AGENT), asyncio.Event()
    agent = Agent(AGENT, step.settle, pauses, should_stop, part)
    pauses.by_hand = {AGENT: Pause(AGENT, "person", "new templates", Clock().moment)}
    step.pauses_at = 0
    batch = batch_of({PLACE: [record(0)]})

    settling = asyncio.create_task(agent.settle(batch, agent.settle_or_wait))
    await until_it_waits(part)
    if why == "revoked":
        batch.is_revoked = True
    else:
        should_stop.set()
        pauses.stop()
    await settling

    assert (batch.is_running, batch.is_settled, step.done) == (False, False, [])


async def until_it_waits(part: Part) -> None:
    """Return when the agent waits for its step, which counts as progress: a pause is no hang."""
    while not part.steps:
        await asyncio.sleep(0)
