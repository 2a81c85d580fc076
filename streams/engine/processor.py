"""This file is the processor: it settles a batch of one topic, or raises and nothing may be acknowledged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto

from streams.clock import to_us
from streams.engine.announcing import Announcer
from streams.engine.event_cache import EventCache
from streams.engine.execution import DeadLettered, Execution, Outcome, RunResult
from streams.engine.external_calls import OutsideRunner
from streams.engine.installation import Installation
from streams.engine.pauses import PausedError, Pauses
from streams.engine.reading import Reader, Reading
from streams.engine.transaction import TransactionRunner
from streams.store import letter_replays
from streams.store.letters import REPLAYING, LetterRow
from streams.workflow import Step, calls_outside
from topics.decode import Record
from topics.letter import DeadLetter

IsTaken = Callable[[], bool]


class WhenPaused(Enum):
    """What becomes of works that may not begin because their step pauses."""

    WAIT = auto()
    """They are waited with, and so is the whole topic."""
    RAISE = auto()
    """`PausedError` names them: whoever called puts them somewhere."""
    PUT_BACK = auto()
    """They were asked for by letters: those are due again when the step goes on."""


class Processor:
    """Settles batches for one workflow (design.md, section 5)."""

    def __init__(self, installation: Installation, outside: OutsideRunner, pauses: Pauses) -> None:
        """Take the parts; the ports must have been checked against the workflow."""
        workflow = installation.workflow
        own = EventCache(Counter(step.reads for step in workflow.steps))
        self._reader = Reader(workflow, installation.group, own)
        self._inside = TransactionRunner(installation, pauses)
        self._database = installation.database
        self._pauses = pauses
        self._outside = outside
        self._publisher = installation.publisher
        self._announcer = Announcer(installation.topics, workflow.name, own)
        self._clock = installation.clock
        self.counts: Counter[tuple[str, str]] = Counter()
        """(action, what became of the record) -> number, since start."""

    async def process_events(
        self,
        step: Step,
        records: Iterable[Record],
        is_revoked: IsTaken = lambda: False,
        when_paused: WhenPaused = WhenPaused.WAIT,
    ) -> None:
        """Settle records of the step's own topic.

        When this returns, every record's outcome is committed and on the broker: they may be acknowledged. Raises
        `StoreUnavailableError`, `PublishError` or `StoppingError`; then none may be acknowledged, all may come again.
        `is_taken` says whether the records went to another worker: nothing outside is called for them from then on.
        While the step pauses this waits, or raises `PausedError` once what was begun is settled.
        """
        await self._settle(self._reader.read_events(step, records, self._clock()), is_revoked, when_paused)

    async def process_requests(self, records: Iterable[Record], is_revoked: IsTaken = lambda: False) -> None:
        """Settle records of the requests topic, each with the action it names. Raises as `process_events` does.

        What asks for a step that pauses is put back: other steps' requests must not wait behind it.
        """
        reading = self._reader.read_requests(records, self._clock())
        await self._settle(reading, is_revoked, WhenPaused.PUT_BACK)

    async def _settle(self, reading: Reading, is_revoked: IsTaken, when_paused: WhenPaused) -> None:
        outcomes: list[Outcome] = list(reading.letters)
        by_step: dict[str, list[Execution]] = {}
        for execution in reading.executions:
            by_step.setdefault(execution.step.name, []).append(execution)
        put_back: list[Execution] = []
        for executions in by_step.values():
            step, left = executions[0].step, executions
            while left:
                ran = await self._run(step, left, is_revoked)
                outcomes += ran.outcomes
                left = ran.left
                if not left or not self._pauses.is_paused(step.name):
                    continue
                if when_paused is WhenPaused.PUT_BACK:
                    put_back += left
                    break
                # What is done is told now: the pause may be long.
                await self._tell(outcomes)
                outcomes.clear()
                if when_paused is WhenPaused.RAISE:
                    raise PausedError(step.name, [execution.source.position for execution in left])
                await self._pauses.wait(step.name, is_revoked)
        await self._tell(outcomes)
        await self._put_back(put_back)
        if reading.skipped:
            self.counts["any", "skipped"] += reading.skipped

    async def _tell(self, outcomes: Sequence[Outcome]) -> None:
        told = [each for each in outcomes if not (isinstance(each, DeadLettered) and each.is_of_another)]
        if told:
            await self._publisher.publish([self._announcer.outgoing(outcome) for outcome in told])
        self._count(outcomes)

    async def _put_back(self, executions: Sequence[Execution]) -> None:
        rows = [
            _row(execution, execution.request) for execution in executions if execution.request is not None
        ]
        if rows:
            now_us = to_us(self._clock())
            await self._database.run(lambda connection: letter_replays.put_back(connection, rows, now_us))

    async def _run(self, step: Step, executions: Sequence[Execution], is_revoked: IsTaken) -> RunResult:
        if calls_outside(step):
            return await self._outside.run(step, executions, is_revoked)
        return await self._inside.run(step, executions)

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, DeadLettered):
                self.counts[outcome.letter.action, outcome.letter.failure_class] += 1
            else:
                self.counts[outcome.row.action, "stated" if outcome.is_new else "repeated"] += 1


def _row(execution: Execution, request: DeadLetter) -> LetterRow:
    source = execution.source
    return LetterRow(REPLAYING, None, request, execution.lead_id, source.key, source.value, source.headers)
