"""This file finds the outside calls that may have been made and of which nothing tells: they become uncertain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy.engine import Connection

from streams.clock import Clock, to_us
from streams.engine.execution import Execution, Source
from streams.kafka.log import Log
from streams.kafka.reader import Partition, Ranges
from streams.operations.recovery.effect_keys import would_claim
from streams.operations.recovery.failures import read_request
from streams.operations.recovery.write_back import Trace, suspected
from streams.store import ledger
from streams.store.engine import Database
from streams.workflow import Ports, Step, Workflow, calls_outside
from topics.decode import Position, Record, decode
from topics.failures import DecodeError
from topics.registry import TopicNames

AT_WORK = 1000
"""A worker has at most one batch of a step at work, and a batch has at most so many records (engine/faust/app.py)."""


@dataclass(frozen=True, slots=True)
class Perhaps:
    """An execution whose calls may have been made."""

    action: str
    lead_id: str
    result_id: str
    key: str


@dataclass(slots=True)
class _Candidate:
    work: Execution
    generation: int | None
    """That of the letter it replays; None of an event."""
    place: Partition


@dataclass(slots=True)
class UnsettledTaker:
    """Reads what the group has not acknowledged, and notes an intent for each call that may have been made.

    What was acknowledged has its result or its letter on a topic. Of the rest, only what a worker had at work can have
    called: per partition the first records without either, at most a batch of them.
    """

    workflow: Workflow
    ports: Ports
    database: Database
    names: TopicNames
    clock: Clock
    found: list[Perhaps] = field(default_factory=list)
    _counts: dict[tuple[Partition, str], int] = field(default_factory=dict)

    async def take(self, log: Log) -> list[Perhaps]:
        """Write the intents; gives the executions they are of. Raises as store and log do."""
        outside = [step for step in self.workflow.steps if calls_outside(step)]
        for event in dict.fromkeys(step.reads for step in outside):
            steps = [step for step in outside if step.reads is event]
            topic = self.names.of(event)
            for place, span in (await log.unsettled(topic)).items():
                await self._take_partition(log, {place: span}, steps)
        for place, span in (await log.unsettled(self.names.requests)).items():
            await self._take_partition(log, {place: span}, None)
        return self.found

    async def _take_partition(self, log: Log, ranges: Ranges, steps: Sequence[Step] | None) -> None:
        """Read until no step can have had more at work. `steps` of an event's topic; None: requests."""
        (place,) = ranges
        names = [step.name for step in steps] if steps is not None else [""]
        async for batch in log.read(ranges):
            candidates = [each for record in batch for each in self._candidates(record, place, steps)]
            await self._take_batch(candidates)
            if all(self._counts.get((place, name), 0) >= AT_WORK for name in names):
                return

    def _candidates(self, record: Record, place: Partition, steps: Sequence[Step] | None) -> list[_Candidate]:
        if steps is None:
            asked = read_request(record, self.workflow)
            if asked is None or not calls_outside(asked.work.step):
                return []
            return [_Candidate(asked.work, asked.letter.generation, place)]
        position = Position.of(record)
        source = Source(position, record.key, record.value, list(record.headers))
        try:
            decoded = decode(record.value, list(record.headers), steps[0].reads, position)
        except DecodeError:
            return []  # it becomes a letter
        if decoded.envelope.workflow != self.workflow.name:
            return []
        return [_Candidate(Execution(source, step, decoded), None, place) for step in steps]

    async def _take_batch(self, candidates: Sequence[_Candidate]) -> None:
        keys = [each.work.ledger_id for each in candidates]
        known = await self.database.run(lambda connection: ledger.find(connection, keys))
        for each in candidates:
            row = known.get(each.work.ledger_id)
            if row is not None and (
                row.is_done or each.generation is None or row.generation > each.generation
            ):
                continue  # it has its result, or its letter
            counted = (each.place, each.work.step.name if each.generation is None else "")
            number = self._counts[counted] = self._counts.get(counted, 0) + 1
            if number <= AT_WORK:
                await self._suspect(each.work)

    async def _suspect(self, work: Execution) -> None:
        now_us, action = to_us(self.clock()), work.step.action.kebab
        key = await would_claim(work, self.ports)
        if key is None:
            return
        trace = Trace(key, work.ledger_id, action, now_us)
        if await self.database.run(partial(_write, traces=[trace])):
            self.found.append(Perhaps(action, work.lead_id, work.result_id, key))


def _write(connection: Connection, traces: Sequence[Trace]) -> list[Trace]:
    return suspected(connection, traces)
