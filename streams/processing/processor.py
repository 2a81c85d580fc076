"""This file is the processor: it settles a batch of one topic, or raises and nothing may be acknowledged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from streams.ports import Ports, calls_outside
from streams.processing.memory import Scribe
from streams.processing.outside import OutsideRunner
from streams.processing.own_events import OwnEvents
from streams.processing.publishing import Announcer, Publisher
from streams.processing.reading import Reader, Reading
from streams.processing.transaction import Clock, TransactionRunner
from streams.processing.work import Lettered, Outcome, Work
from streams.store.engine import Database
from streams.workflow import Step, Workflow
from topics.decode import Record
from topics.registry import TopicNames

IsTaken = Callable[[], bool]


class Processor:
    """Settles batches for one workflow (design.md, section 5)."""

    def __init__(  # noqa: PLR0913 - it is where the parts meet
        self,
        workflow: Workflow,
        *,
        database: Database,
        ports: Ports,
        outside: OutsideRunner,
        publisher: Publisher,
        names: TopicNames,
        group: str,
        clock: Clock,
    ) -> None:
        """Take the parts; `ports` must have been checked against the workflow."""
        own = OwnEvents(Counter(step.reads for step in workflow.steps))
        self._reader = Reader(workflow, group, own)
        self._inside = TransactionRunner(database, ports, Scribe(group), clock)
        self._outside = outside
        self._publisher = publisher
        self._announcer = Announcer(names, workflow.name, own)
        self._clock = clock
        self.counts: Counter[tuple[str, str]] = Counter()
        """(action, what became of the record) -> number, since start."""

    async def process_events(
        self, step: Step, records: Iterable[Record], is_taken: IsTaken = lambda: False
    ) -> None:
        """Settle records of the step's own topic.

        When this returns, every record's outcome is committed and on the broker: they may be acknowledged. Raises
        `StoreUnavailableError`, `PublishError` or `StoppingError`; then none may be acknowledged, all may come again.
        `is_taken` says whether the records went to another worker: nothing outside is called for them from then on.
        """
        await self._settle(self._reader.read_events(step, records, self._clock()), is_taken)

    async def process_requests(self, records: Iterable[Record], is_taken: IsTaken = lambda: False) -> None:
        """Settle records of the requests topic, each with the action it names. Raises as `process_events` does."""
        await self._settle(self._reader.read_requests(records, self._clock()), is_taken)

    async def _settle(self, reading: Reading, is_taken: IsTaken) -> None:
        outcomes: list[Outcome] = list(reading.letters)
        by_step: dict[str, list[Work]] = {}
        for work in reading.works:
            by_step.setdefault(work.step.name, []).append(work)
        for works in by_step.values():
            outcomes += await self._run(works[0].step, works, is_taken)
        told = [each for each in outcomes if not (isinstance(each, Lettered) and each.is_of_another)]
        if told:
            await self._publisher.publish([self._announcer.outgoing(outcome) for outcome in told])
        self._count(outcomes, reading)

    async def _run(self, step: Step, works: Sequence[Work], is_taken: IsTaken) -> list[Outcome]:
        if calls_outside(step):
            return await self._outside.run(step, works, is_taken)
        return await self._inside.run(step, works)

    def _count(self, outcomes: Sequence[Outcome], reading: Reading) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Lettered):
                self.counts[outcome.letter.action, outcome.letter.failure_class] += 1
            else:
                self.counts[outcome.row.action, "stated" if outcome.is_new else "repeated"] += 1
        if reading.skipped:
            self.counts["any", "skipped"] += reading.skipped
