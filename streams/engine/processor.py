"""Settles batches of records: every outcome is committed and on the broker, or nothing may be acknowledged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from streams.clock import to_us
from streams.engine.announcing import Announcer
from streams.engine.event_cache import EventCache
from streams.engine.execution import DeadLettered, Execution, Outcome, RunResult
from streams.engine.external_calls import ExternalCalls
from streams.engine.handover import SETTLED, RecordBatch, Unfinished
from streams.engine.installation import Installation
from streams.engine.pauses import Pauses
from streams.engine.reading import Reader, Reading
from streams.engine.transaction import TransactionRunner
from streams.store import letter_replays
from streams.store.letters import REPLAYING, LetterRow
from streams.workflow import Step, calls_outside
from topics.letter import DeadLetter


class Processor:
    """Settles batches for one workflow."""

    def __init__(self, installation: Installation, external_calls: ExternalCalls, pauses: Pauses) -> None:
        """Take the parts; the ports must have been checked against the workflow."""
        workflow = installation.workflow
        own = EventCache(Counter(step.reads for step in workflow.steps))
        self._reader = Reader(workflow, installation.group, own)
        self._transactions = TransactionRunner(installation, pauses)
        self._external_calls = external_calls
        self._database = installation.database
        self._pauses = pauses
        self._publisher = installation.publisher
        self._announcer = Announcer(installation.topics, workflow.name, own)
        self._clock = installation.clock
        self.counts: Counter[tuple[str, str]] = Counter()
        """(action, outcome) -> number of records, since start."""

    async def process(self, step: Step, batch: RecordBatch) -> Unfinished:
        """Settle records of the step's own topic. Return those that did not start because the step is paused.

        When this returns, the outcome of every other record is committed and on the broker: they may be acknowledged.
        Raise `StoreUnavailableError`, `PublishError` or `StoppingError`; then none may be acknowledged, and all may be
        retried.
        """
        executions = await self._settle(self._reader.read_events(step, batch.records, self._clock()), batch)
        return Unfinished(step.name, [execution.source.position for execution in executions])

    async def process_requests(self, batch: RecordBatch) -> Unfinished:
        """Settle records of the requests topic, each with the action it names. Raise as `process` does.

        The batch is always settled, because other steps' requests must not wait behind those of a paused step. Letters
        of a paused step are due again when it continues.
        """
        put_back = await self._settle(self._reader.read_requests(batch.records, self._clock()), batch)
        await self._put_back(put_back)
        return SETTLED

    async def _settle(self, reading: Reading, batch: RecordBatch) -> list[Execution]:
        """Run what was read and publish the outcomes. Return the executions that did not start."""
        outcomes: list[Outcome] = list(reading.letters)
        by_step: dict[str, list[Execution]] = {}
        for execution in reading.executions:
            by_step.setdefault(execution.step.name, []).append(execution)
        not_begun: list[Execution] = []
        for executions in by_step.values():
            step, pending = executions[0].step, executions
            while pending:
                ran = await self._run(step, pending, batch)
                batch.note_progress()
                outcomes += ran.outcomes
                pending = ran.not_begun
                if pending and self._pauses.is_paused(step.name):
                    not_begun += pending
                    break
        # Publish even before a pause, which may be long.
        await self._publish(outcomes)
        if reading.skipped:
            self.counts["any", "skipped"] += reading.skipped
        return not_begun

    async def _publish(self, outcomes: Sequence[Outcome]) -> None:
        own = [each for each in outcomes if not (isinstance(each, DeadLettered) and each.is_of_another)]
        if own:
            await self._publisher.publish([self._announcer.outgoing(outcome) for outcome in own])
        self._count(outcomes)

    async def _put_back(self, executions: Sequence[Execution]) -> None:
        rows = [
            _row(execution, execution.request) for execution in executions if execution.request is not None
        ]
        if rows:
            now_us = to_us(self._clock())
            await self._database.run(lambda connection: letter_replays.put_back(connection, rows, now_us))

    async def _run(self, step: Step, executions: Sequence[Execution], batch: RecordBatch) -> RunResult:
        if calls_outside(step):
            return await self._external_calls.run(step, executions, batch)
        return await self._transactions.run(step, executions)

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, DeadLettered):
                self.counts[outcome.letter.action, outcome.letter.failure_class] += 1
            else:
                self.counts[outcome.row.action, "stated" if outcome.is_new else "repeated"] += 1


def _row(execution: Execution, request: DeadLetter) -> LetterRow:
    source = execution.source
    return LetterRow(REPLAYING, None, request, execution.lead_id, source.key, source.value, source.headers)
