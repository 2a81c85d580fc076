"""Brings a store that is older than its topics up to date with them, without any call outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from streams.chunks import chunked
from streams.clock import from_us, to_us
from streams.engine.handover import Records
from streams.engine.indexing import LetterIndexer
from streams.engine.installation import Installation
from streams.kafka.log import Log, read_at
from streams.kafka.reader import Ranges, count
from streams.operations.recovery import failures, round_robin
from streams.operations.recovery.results import Result, ResultTaker, read_result
from streams.operations.recovery.suppressed import suppressions_in
from streams.operations.recovery.uncommitted import UncertainCall, UncommittedCalls
from streams.operations.recovery.watermark import mark_as_behind, mark_as_caught_up
from streams.store import suppressions
from topics.decode import Decoded, Position, Record, decode
from topics.events import ContactSuppressed, Event, LeadReceived
from topics.failures import DecodeError

MARGIN = timedelta(minutes=10)
"""Reading starts this long before the store's newest moment, because clocks of machines differ."""

Report = Callable[[str, int, int], None]
"""Receives the topic being read, the number of records read and their total."""


class GapError(RuntimeError):
    """The topics no longer hold everything that the store lacks."""


@dataclass(slots=True)
class CaughtUp:
    """What catching up added to a store."""

    since: datetime
    """Topics were read from this moment on, less the margin."""
    records: int = 0
    executions: Counter[str] = field(default_factory=Counter)
    """By action: executions that the ledger lacked."""
    failures: int = 0
    """Those of them that were dead-lettered and have had no result since."""
    letters: int = 0
    """Letters read into the index."""
    resolved: int = 0
    """Letters closed because their executions have succeeded."""
    suppressions: int = 0
    """People and reasons read from the topic of suppressions, known or not."""
    foreign: int = 0
    """Records on result topics that no action of this workflow published."""
    uncertain: list[UncertainCall] = field(default_factory=list)
    """Executions whose calls may have been made: they become UNCERTAIN letters, or are repeated with their key."""


def no_report(topic: str, done: int, total: int) -> None:
    """Ignore the report."""


@dataclass(slots=True)
class CatchUp:
    """One catch-up. No worker of the group may run meanwhile; an interrupted run can be repeated."""

    installation: Installation
    log: Log
    report: Report = no_report

    async def run(self, *, margin: timedelta = MARGIN, is_gap_accepted: bool = False) -> CaughtUp:
        """Read what the store lacks. Raise `GapError`, or as store and log do; it then still counts as behind."""
        database, topics, workflow = (
            self.installation.database,
            self.installation.topics,
            self.installation.workflow,
        )
        since = from_us(await database.run(mark_as_behind))
        moment_ms = max(0, int((since - margin).timestamp() * 1000))
        done = CaughtUp(since)
        events = list(dict.fromkeys(event for step in workflow.steps for event in step.emits))
        if not is_gap_accepted:
            await self._check_gap(events, moment_ms, since)
        # Failures first: a result of the same execution came later and replaces its failure.
        await self._take_letters(await self.log.since(topics.letters, moment_ms), done)
        taker = ResultTaker(workflow, await self._edited(moment_ms))
        for event in events:
            await self._take_results(taker, event, await self.log.since(topics.of(event), moment_ms), done)
        await database.run(partial(round_robin.pass_by, turn=taker.highest_turn))
        await self._take_suppressions(done)
        await self._resolve(done)
        done.uncertain = await UncommittedCalls(self.installation).take(self.log)
        await database.run(mark_as_caught_up)
        return done

    async def _check_gap(self, events: Sequence[type[Event]], moment_ms: int, since: datetime) -> None:
        topics = self.installation.topics
        for topic in (*(topics.of(event) for event in events), topics.letters):
            oldest = await self.log.forgotten(topic, moment_ms)
            if oldest is not None:
                msg = (
                    f"{topic} reaches back to {oldest:%Y-%m-%d %H:%M:%SZ} and the store knows until "
                    f"{since:%Y-%m-%d %H:%M:%SZ}: what was done between the two cannot be known, and would be done "
                    "again; use a newer backup, or --accept-gap"
                )
                raise GapError(msg)

    async def _take_letters(self, ranges: Ranges, done: CaughtUp) -> None:
        installation = self.installation
        indexer = LetterIndexer(installation.database, installation.clock)
        async for batch in self.log.read(ranges):
            await indexer.process(Records(batch))
            failed = [failures.read_letter(record, installation) for record in batch]
            ours = await failures.with_claims([each for each in failed if each is not None], installation)
            done.failures += await installation.database.run(partial(failures.take, failures=ours))
            done.letters += len(batch)
            self.report(installation.topics.letters, done.letters, count(ranges))
        done.records += done.letters

    async def _take_results(
        self, taker: ResultTaker, event: type[Event], ranges: Ranges, done: CaughtUp
    ) -> None:
        installation = self.installation
        read = 0
        async for batch in self.log.read(ranges):
            results = [read_result(record, event, installation.workflow) for record in batch]
            ours = [each for each in results if each is not None]
            received = await self._received(ours)
            take = partial(taker.take, results=ours, received=received)
            done.executions += await installation.database.run(take)
            done.foreign += len(batch) - len(ours)
            read += len(batch)
            self.report(installation.topics.of(event), read, count(ranges))
        done.records += read

    async def _take_suppressions(self, done: CaughtUp) -> None:
        """Read every suppression again, however old: nobody who said no may be written to because a store was lost."""
        if not any(step.reads is ContactSuppressed for step in self.installation.workflow.steps):
            return
        topic = self.installation.topics.of(ContactSuppressed)
        ranges = await self.log.since(topic, 0)
        read = 0
        async for batch in self.log.read(ranges):
            moments = suppressions_in(batch, self.installation)
            await self.installation.database.run(partial(suppressions.write, moments=moments))
            read += len(batch)
            done.suppressions += len(moments)
            self.report(topic, read, count(ranges))
        done.records += read

    async def _received(self, results: Sequence[Result]) -> dict[bytes, Decoded]:
        """Return the leads of these results by result id: their content tells a repetition from a reused id."""
        topic = self.installation.topics.of(LeadReceived)
        places = {
            result.id: result.received_at
            for result in results
            if result.step.reads is LeadReceived and result.received_at[0] == topic
        }
        if not places:
            return {}
        records = await read_at(self.log, list(places.values()))
        leads = {key: _decoded(records[place]) for key, place in places.items() if place in records}
        return {key: lead for key, lead in leads.items() if lead is not None}

    async def _edited(self, moment_ms: int) -> dict[str, Event]:
        """Return, by event id, the events as people edited them for a replay."""
        edited: dict[str, Event] = {}
        ranges = await self.log.since(self.installation.topics.requests, moment_ms)
        async for batch in self.log.read(ranges):
            for record in batch:
                asked = failures.read_request(record, self.installation.workflow)
                if asked is not None and asked.letter.edit_sha256 is not None:
                    edited[asked.execution.envelope.id] = asked.execution.event
        return edited

    async def _resolve(self, done: CaughtUp) -> None:
        database, workflow = self.installation.database, self.installation.workflow
        ids = await database.run(failures.open_ids)
        for part in chunked(ids, failures.BATCH_SIZE):
            now_us = to_us(self.installation.clock())
            close = partial(failures.resolve, letter_ids=part, workflow=workflow, now_us=now_us)
            done.resolved += await database.run(close)


def _decoded(record: Record) -> Decoded | None:
    try:
        return decode(record.value, list(record.headers), LeadReceived, Position.of(record))
    except DecodeError:
        return None
