"""Provides a whole installation in memory: the real processor over an in-memory log and any store."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from streams.dead_letters.retries import RetryTimer
from streams.engine.assembly import assemble
from streams.engine.external_calls import ExternalCalls
from streams.engine.handover import Records
from streams.engine.indexing import LetterIndexer
from streams.engine.installation import Adapters, Installation
from streams.engine.pauses import Pauses
from streams.engine.processor import Processor
from streams.store.engine import Database
from streams.testing.clock import Clock
from streams.testing.life import CrashError, Life
from streams.testing.log import LogRecord, MemoryLog, MortalPublisher
from streams.testing.ports import Call, Surroundings, with_watched_ports
from streams.testing.store import MemoryStore
from streams.workflow import Workflow
from topics.events import Event
from topics.registry import TopicNames

GROUP = "leads"


@dataclass(frozen=True)
class MemoryWorker:
    """The parts of one worker; its memory is lost with it."""

    workflow: Workflow
    processor: Processor
    external_calls: ExternalCalls
    indexer: LetterIndexer
    pauses: Pauses
    life: Life


@dataclass
class Cluster:
    """A log, a store and any number of workers. `worker` is the one that `settle` lets work."""

    workflow: Workflow
    adapters: Adapters
    database: Database
    clock: Clock = field(default_factory=Clock)
    names: TopicNames = field(default_factory=TopicNames)
    calls: list[Call] = field(default_factory=list)
    """Every call on a port by workers that were given a life, in order."""

    def __post_init__(self) -> None:
        """Start the first worker."""
        self.log = MemoryLog(self.clock)
        self.worker = self.new_worker()
        self.retries = RetryTimer(self.installation)

    @property
    def installation(self) -> Installation:
        """The installation with its current parts."""
        return Installation(
            workflow=self.workflow,
            adapters=self.adapters,
            database=self.database,
            publisher=self.log,
            topics=self.names,
            group=GROUP,
            clock=self.clock,
        )

    def new_worker(self, life: Life | None = None, around: Surroundings | None = None) -> MemoryWorker:
        """Start a worker; one with a `life` dies where its life ends: at a port call, a commit or a publish."""
        workflow, database, publisher = (
            self.workflow,
            self.database,
            MortalPublisher(self.log, life or Life()),
        )
        if life is not None:
            workflow = with_watched_ports(workflow, self.adapters.ports, life, self.calls, around)
            database = database.of_worker(life) if isinstance(database, MemoryStore) else database
        installation = replace(self.installation, workflow=workflow, database=database, publisher=publisher)
        parts = assemble(installation)
        return MemoryWorker(
            workflow, parts.processor, parts.external_calls, parts.indexer, parts.pauses, publisher.life
        )

    def records(self, event: type[Event]) -> list[LogRecord]:
        """Return everything on the topic of this event."""
        return self.log.topics[self.names.of(event)]

    @property
    def letters(self) -> list[LogRecord]:
        """Everything on the topic of dead letters."""
        return self.log.topics[self.names.letters]

    @property
    def topics(self) -> list[str]:
        """Full names of the topics that a worker reads."""
        return [*map(self.names.of, self.workflow.inputs), self.names.requests, self.names.letters]

    def unread(self, topic: str) -> list[LogRecord]:
        """Return the records of a topic that are not acknowledged."""
        return self.log.deliver(topic, GROUP)

    def forget_acknowledgements(self) -> None:
        """Let everything be delivered again, as after the loss of all offsets."""
        self.log.forget(GROUP)

    async def work(self, worker: MemoryWorker, topic: str, batch: Sequence[LogRecord]) -> None:
        """Let every agent of one worker settle a batch, without acknowledging it. Raise as the processor does.

        While a step pauses this waits, as an agent does that has its topic to itself.
        """
        if topic == self.names.requests:
            await worker.processor.process_requests(Records(batch))
        elif topic == self.names.letters:
            await worker.indexer.process(Records(batch))
        else:
            for step in worker.workflow.steps:
                if self.names.of(step.reads) == topic:
                    records = Records(batch)
                    while unfinished := await worker.processor.process(step, records):
                        await worker.pauses.wait(step.name, records)
                        records = Records(unfinished.of(batch))

    async def work_while_alive(self, worker: MemoryWorker, topic: str, batch: Sequence[LogRecord]) -> bool:
        """Do the same for a worker that may die meanwhile; return False when it did."""
        return await _is_survived(worker.life, self.work(worker, topic, batch))

    async def settle_once(self) -> bool:
        """Let every agent settle all unread records; return whether there were any. Raise as the processor does."""
        was_any = False
        for topic in self.topics:
            if batch := self.unread(topic):
                was_any = True
                await self.work(self.worker, topic, batch)
                for record in batch:
                    self.log.commit(GROUP, record)
        return was_any

    async def settle(self) -> None:
        """Settle until nothing is unread. Raise as the processor does."""
        while await self.settle_once():
            pass


async def _is_survived(life: Life, work: Coroutine[Any, Any, None]) -> bool:
    # Who waits for another task of a dead worker waits for ever, so its end is told beside its work.
    died = asyncio.Event()
    life.on_end = died.set
    working, dying = asyncio.create_task(work), asyncio.create_task(died.wait())
    try:
        await asyncio.wait({working, dying}, return_when=asyncio.FIRST_COMPLETED)
        if not life.is_over:
            await working
            return True
        while not working.done():
            # Again and again: a `finally` of it may wait once more for what nobody finishes any more.
            working.cancel()
            await asyncio.wait({working}, timeout=0)
        await asyncio.gather(working, return_exceptions=True)
        return False
    except CrashError:
        return False
    finally:
        dying.cancel()
