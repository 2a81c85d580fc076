"""This file shows what an agent does that shares its topic while its step pauses: nothing is lost, order is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from aiokafka.structs import ConsumerRecord
from faust.types import TP

from streams.engine.faust.agents import SharingAgent
from streams.engine.faust.backlog import Ranges
from streams.engine.faust.backlog_reader import Reread
from streams.engine.faust.batch import Batch
from streams.engine.pauses import PausedError
from topics.decode import Position, Record

AGENT, PLACE = "agent", TP("topic", 0)


def record(offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(PLACE.topic, PLACE.partition, offset, 0, 0, None, b"{}", 0, 0, 2, ())


def batch_of(parts: Mapping[TP, list[Record]]) -> Batch:
    return Batch(parts, [AGENT], lambda: None)


class Log:
    """Reads again what offsets name; the chaos run with an outage does so on a real broker."""

    async def read(self, ranges: Ranges, most: int) -> Reread:
        found = {tp: [record(each) for each in range(*ends)][:most] for tp, ends in ranges.items()}
        return Reread(found, {tp: records[-1].offset + 1 for tp, records in found.items()})

    async def aclose(self) -> None:
        """Nothing is open."""


class Step:
    """A step that pauses before an offset."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.pauses_at: int | None = None

    async def eager(self, records: Iterable[Record], is_taken: Callable[[], bool]) -> None:
        records = list(records)
        left = [each for each in records if self.pauses_at is not None and each.offset >= self.pauses_at]
        self.done += [each.offset for each in records if each not in left]
        if left:
            raise PausedError(AGENT, [Position(each.topic, each.partition, each.offset, 0) for each in left])

    async def patient(self, records: Iterable[Record], is_taken: Callable[[], bool]) -> None:
        self.done += [each.offset for each in records]


def agent_of(step: Step) -> SharingAgent:
    return SharingAgent(AGENT, step.patient, step.eager, asyncio.Event(), Log(), batch_of)


async def test_what_pauses_goes_on_the_shelf_and_what_comes_later_behind_it() -> None:
    step = Step()
    agent = agent_of(step)
    step.pauses_at = 2
    first, second = (
        batch_of({PLACE: [record(each) for each in offsets]}) for offsets in ((0, 1, 2, 3), (4, 5))
    )

    await agent.handle(first)
    step.pauses_at = None  # a later one must not overtake, even if its step could go on now
    await agent.handle(second)
    put_aside = agent.backlog.ranges, agent.backlog.begin_of(PLACE)
    await agent.take_some()

    assert (first.is_settled, second.is_settled) == (True, True)
    assert put_aside == ({PLACE: (2, 6)}, 2)
    assert step.done == [0, 1, 2, 3, 4, 5]
    assert agent.backlog.is_empty


async def test_what_was_taken_away_meanwhile_is_not_taken_for_done() -> None:
    step = Step()
    agent = agent_of(step)
    step.pauses_at = 0
    await agent.handle(batch_of({PLACE: [record(0)]}))
    agent.backlog.forget([PLACE])
    await agent.handle(batch_of({PLACE: [record(5)]}))

    batch = batch_of({PLACE: [record(5)]})
    agent.backlog.take(batch)
    agent.backlog.forget([PLACE])
    await agent.handle(batch_of({PLACE: [record(5)]}))
    batch.end(AGENT, is_settled=True)
    agent.backlog.end(batch, {PLACE: 6}, agent.backlog.assignment - 1)

    assert batch.is_revoked
    assert agent.backlog.ranges == {PLACE: (5, 6)}
