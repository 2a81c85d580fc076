"""Finds outside calls that may have been made and that no record proves; they become uncertain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from streams.clock import to_us
from streams.engine.execution import Execution, Source
from streams.engine.installation import Installation
from streams.kafka.log import Log
from streams.kafka.reader import Partition, Ranges
from streams.operations.recovery.effect_keys import would_claim
from streams.operations.recovery.failures import read_request
from streams.operations.recovery.write_back import Trace, suspected
from streams.store import ledger
from streams.workflow import Step, calls_outside
from topics.decode import Position, Record, decode
from topics.failures import DecodeError

AT_WORK = 1000
"""A worker processes at most one batch of a step, and a batch has at most so many records (engine/faust/app.py)."""


@dataclass(frozen=True, slots=True)
class UncertainCall:
    """An execution whose call may have been made."""

    action: str
    lead_id: str
    result_id: str
    key: str


@dataclass(slots=True)
class _Candidate:
    execution: Execution
    generation: int | None
    """Generation of the letter it replays; None for an event."""
    place: Partition


@dataclass(slots=True)
class UncommittedCalls:
    """Reads what the group has not acknowledged, and notes an intent for each call that may have been made.

    Every acknowledged record has its result or its letter on a topic. Of the rest, only the records that a worker was
    processing can have called: in each partition the first ones without result or letter, at most one batch.
    """

    installation: Installation
    uncertain: list[UncertainCall] = field(default_factory=list)
    _counts: dict[tuple[Partition, str], int] = field(default_factory=dict)

    async def take(self, log: Log) -> list[UncertainCall]:
        """Write the intents. Return their executions. Raise as store and log do."""
        topics = self.installation.topics
        outside = [step for step in self.installation.workflow.steps if calls_outside(step)]
        for event in dict.fromkeys(step.reads for step in outside):
            steps = [step for step in outside if step.reads is event]
            for place, span in (await log.unsettled(topics.of(event))).items():
                await self._take_partition(log, {place: span}, steps)
        for place, span in (await log.unsettled(topics.requests)).items():
            await self._take_partition(log, {place: span}, None)
        return self.uncertain

    async def _take_partition(self, log: Log, ranges: Ranges, steps: Sequence[Step] | None) -> None:
        """Read until no step can have processed more. `steps` are those of an event's topic; None for requests."""
        (place,) = ranges
        names = [step.name for step in steps] if steps is not None else [""]
        async for batch in log.read(ranges):
            candidates = [each for record in batch for each in self._candidates(record, place, steps)]
            await self._take_batch(candidates)
            if all(self._counts.get((place, name), 0) >= AT_WORK for name in names):
                return

    def _candidates(self, record: Record, place: Partition, steps: Sequence[Step] | None) -> list[_Candidate]:
        if steps is None:
            asked = read_request(record, self.installation.workflow)
            if asked is None or not calls_outside(asked.execution.step):
                return []
            return [_Candidate(asked.execution, asked.letter.generation, place)]
        position = Position.of(record)
        source = Source(position, record.key, record.value, list(record.headers))
        try:
            decoded = decode(record.value, list(record.headers), steps[0].reads, position)
        except DecodeError:
            return []  # it becomes a letter
        if decoded.envelope.workflow != self.installation.workflow.name:
            return []
        return [_Candidate(Execution(source, step, decoded), None, place) for step in steps]

    async def _take_batch(self, candidates: Sequence[_Candidate]) -> None:
        keys = [each.execution.ledger_id for each in candidates]
        known = await self.installation.database.run(lambda connection: ledger.find(connection, keys))
        for each in candidates:
            row = known.get(each.execution.ledger_id)
            if row is not None and (
                row.is_done or each.generation is None or row.generation > each.generation
            ):
                continue  # it has its result, or its letter
            counted = (each.place, each.execution.step.name if each.generation is None else "")
            number = self._counts[counted] = self._counts.get(counted, 0) + 1
            if number <= AT_WORK:
                await self._suspect(each.execution)

    async def _suspect(self, execution: Execution) -> None:
        key = await would_claim(execution, self.installation.adapters.ports)
        if key is None:
            return
        action, now_us = execution.step.action.kebab, to_us(self.installation.clock())
        trace = Trace(key, execution.ledger_id, action, now_us)
        if await self.installation.database.run(partial(suspected, traces=[trace])):
            self.uncertain.append(UncertainCall(action, execution.lead_id, execution.result_id, key))
