"""This file is an in-memory log for tests: topics, partitions, offsets, and the real processor over them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from streams.assembly import Adapters, Parts, assemble
from streams.processing.indexing import LetterIndexer
from streams.processing.publishing import Outgoing, PublishError, partition_of
from streams.retries import RetryTimer
from streams.store.engine import Database
from streams.workflow import Workflow
from topics.envelope import Headers
from topics.events import Event
from topics.registry import TopicNames

PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record as the consumer gives it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass
class Clock:
    """A clock that moves when told."""

    moment: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        self.moment += timedelta(**by)


@dataclass
class MemoryLog:
    """Takes records as a broker does, and can be away."""

    clock: Clock
    topics: dict[str, list[LogRecord]] = field(default_factory=lambda: defaultdict(list))
    is_away: bool = False
    _unkeyed: itertools.count[int] = field(default_factory=itertools.count)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        if self.is_away:
            raise PublishError("the broker is away")
        for record in records:
            self.append(record.topic, record.key, record.value, record.headers)

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers | None = None
    ) -> LogRecord:
        partition = next(self._unkeyed) % PARTITIONS if key is None else partition_of(key, PARTITIONS)
        offset = sum(1 for record in self.topics[topic] if record.partition == partition)
        stamp = int(self.clock().timestamp() * 1000)
        record = LogRecord(topic, partition, offset, stamp, key, value, list(headers or []))
        self.topics[topic].append(record)
        return record


class Cluster:
    """A log, a store and any number of workers' worth of processors."""

    def __init__(self, workflow: Workflow, adapters: Adapters, database: Database) -> None:
        self.clock = Clock()
        self.log = MemoryLog(self.clock)
        self.names = TopicNames()
        self.database = database
        self.workflow = workflow
        self.adapters = adapters
        self.worker = self.new_worker()
        self.indexer = LetterIndexer(database, self.clock)
        self.retries = RetryTimer(database, self.log, self.names, self.clock)
        self._read: dict[str, int] = defaultdict(int)

    def new_worker(self) -> Parts:
        return assemble(
            self.workflow,
            self.adapters,
            database=self.database,
            publisher=self.log,
            names=self.names,
            group="leads",
            clock=self.clock,
        )

    def records(self, event: type[Event]) -> list[LogRecord]:
        return self.log.topics[self.names.of(event)]

    @property
    def letters(self) -> list[LogRecord]:
        return self.log.topics[self.names.letters]

    def unread(self, topic: str) -> list[LogRecord]:
        """Give what was not acknowledged."""
        return self.log.topics[topic][self._read[topic] :]

    def forget_acknowledgements(self) -> None:
        """Let everything be delivered again, as after the loss of all offsets."""
        self._read.clear()

    async def settle_once(self) -> bool:
        """Let every agent settle what is there; says whether there was anything. Raises as the processor does."""
        was_any = False
        for event in self.workflow.inputs:
            topic = self.names.of(event)
            if batch := self.unread(topic):
                was_any = True
                for step in self.workflow.reading(event):
                    await self.worker.processor.process_events(step, batch)
                self._read[topic] += len(batch)
        for topic, settle in (
            (self.names.requests, self.worker.processor.process_requests),
            (self.names.letters, self.indexer.process),
        ):
            if batch := self.unread(topic):
                was_any = True
                await settle(batch)
                self._read[topic] += len(batch)
        return was_any

    async def settle(self) -> None:
        """Go on until nothing is left."""
        while await self.settle_once():
            pass
