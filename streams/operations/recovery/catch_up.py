"""Brings a store that is older than its topics up to date with them, without doing anything outside."""

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
from streams.operations.recovery.uncommitted import UncertainCall, UncommittedCalls
from streams.operations.recovery.watermark import mark_as_behind, mark_as_caught_up
from topics.decode import Decoded, Position, Record, decode
from topics.events import Event, LeadReceived
from topics.failures import DecodeError

MARGIN = timedelta(minutes=10)
"""Read so much further back than the store's newest moment: the clocks of machines differ."""

Report = Callable[[str, int, int], None]
"""Takes what is read (a topic), how many records of it, and how many there are."""


class GapError(RuntimeError):
    """Topics no longer hold all that the store lacks."""


@dataclass(slots=True)
class CaughtUp:
    """What a store has learnt."""

    since: datetime
    """From here on topics were read, less the margin."""
    records: int = 0
    executions: Counter[str] = field(default_factory=Counter)
    """By action: those that the ledger lacked."""
    failures: int = 0
    """Those of them that were dead-lettered, as far as nothing came of them since."""
    letters: int = 0
    """Letters read into the index."""
    resolved: int = 0
    """Letters closed, because their executions have succeeded."""
    foreign: int = 0
    """Records on result topics that no action of this workflow stated."""
    uncertain: list[UncertainCall] = field(default_factory=list)
    """Executions whose calls may have been made: they become letters UNCERTAIN, or are repeated by their key."""


def no_report(topic: str, done: int, total: int) -> None:
    """Report to nobody."""


@dataclass(slots=True)
class CatchUp:
    """One run of catching up. No worker of the group may run; a run that was cut off can be run again."""

    installation: Installation
    log: Log
    report: Report = no_report

    async def run(self, *, margin: timedelta = MARGIN, is_gap_accepted: bool = False) -> CaughtUp:
        """Read what the store lacks. Raise `GapError`, and as store and log do; then it still counts as behind."""
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
        # Failures first: a result that is there too came later, and replaces them.
        await self._take_letters(await self.log.since(topics.letters, moment_ms), done)
        taker = ResultTaker(workflow, await self._edited(moment_ms))
        for event in events:
            await self._take_results(taker, event, await self.log.since(topics.of(event), moment_ms), done)
        await database.run(partial(round_robin.pass_by, turn=taker.highest_turn))
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
            done.failures += await installation.database.run(partial(failures.take, found=ours))
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

    async def _received(self, results: Sequence[Result]) -> dict[bytes, Decoded]:
        """Return the leads that these results were stated of: by their content a repetition and a reused id differ."""
        topic = self.installation.topics.of(LeadReceived)
        places = {
            result.id: result.received_at
            for result in results
            if result.step.reads is LeadReceived and result.received_at[0] == topic
        }
        if not places:
            return {}
        records = await read_at(self.log, list(places.values()))
        found = {key: _decoded(records[place]) for key, place in places.items() if place in records}
        return {key: decoded for key, decoded in found.items() if decoded is not None}

    async def _edited(self, moment_ms: int) -> dict[str, Event]:
        """Return what was acted on, by event id, where a person had edited the event for a replay."""
        found: dict[str, Event] = {}
        ranges = await self.log.since(self.installation.topics.requests, moment_ms)
        async for batch in self.log.read(ranges):
            for record in batch:
                asked = failures.read_request(record, self.installation.workflow)
                if asked is not None and asked.letter.edit_sha256 is not None:
                    found[asked.execution.envelope.id] = asked.execution.event
        return found

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
