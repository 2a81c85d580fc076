"""This file brings a store that is older than its topics up to date with them, without doing anything outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from streams.clock import Clock, from_us, to_us
from streams.engine.handover import Records
from streams.engine.indexing import LetterIndexer
from streams.kafka.log import Log, read_at
from streams.kafka.reader import Ranges, count
from streams.operations.recovery import failures, round_robin
from streams.operations.recovery.results import Result, ResultTaker, read_result
from streams.operations.recovery.uncommitted import Perhaps, UnsettledTaker
from streams.operations.recovery.watermark import mark_as_behind, mark_as_caught_up
from streams.store.engine import Database
from streams.workflow import Ports, Workflow
from topics.decode import Decoded, Position, Record, decode
from topics.events import Event, LeadReceived
from topics.failures import DecodeError
from topics.registry import TopicNames

MARGIN = timedelta(minutes=10)
"""Read so much further back than the store's newest moment: the clocks of machines differ."""

Tell = Callable[[str, int, int], None]
"""Is told what is read (a topic), how many records of it, and how many there are."""


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
    uncertain: list[Perhaps] = field(default_factory=list)
    """Executions whose calls may have been made: they become letters UNCERTAIN, or are repeated by their key."""


def no_tell(topic: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class CatchUp:
    """One run of catching up. No worker of the group may run; a run that was cut off can be run again."""

    workflow: Workflow
    ports: Ports
    database: Database
    log: Log
    names: TopicNames
    group: str
    clock: Clock
    tell: Tell = no_tell

    async def run(self, *, margin: timedelta = MARGIN, is_gap_accepted: bool = False) -> CaughtUp:
        """Read what the store lacks. Raises `GapError`, and as store and log do; then it still counts as behind."""
        since = from_us(await self.database.run(mark_as_behind))
        moment_ms = max(0, int((since - margin).timestamp() * 1000))
        done = CaughtUp(since)
        events = list(dict.fromkeys(event for step in self.workflow.steps for event in step.emits))
        if not is_gap_accepted:
            await self._check_gap(events, moment_ms, since)
        # Failures first: a result that is there too came later, and replaces them.
        await self._take_letters(await self.log.since(self.names.letters, moment_ms), done)
        taker = ResultTaker(self.workflow, await self._edited(moment_ms))
        for event in events:
            await self._take_results(
                taker, event, await self.log.since(self.names.of(event), moment_ms), done
            )
        await self.database.run(partial(round_robin.pass_by, turn=taker.highest_turn))
        await self._resolve(done)
        unsettled = UnsettledTaker(self.workflow, self.ports, self.database, self.names, self.clock)
        done.uncertain = await unsettled.take(self.log)
        await self.database.run(mark_as_caught_up)
        return done

    async def _check_gap(self, events: Sequence[type[Event]], moment_ms: int, since: datetime) -> None:
        for topic in (*(self.names.of(event) for event in events), self.names.letters):
            oldest = await self.log.forgotten(topic, moment_ms)
            if oldest is not None:
                msg = (
                    f"{topic} reaches back to {oldest:%Y-%m-%d %H:%M:%SZ} and the store knows until "
                    f"{since:%Y-%m-%d %H:%M:%SZ}: what was done between the two cannot be known, and would be done "
                    "again; use a newer backup, or --accept-gap"
                )
                raise GapError(msg)

    async def _take_letters(self, ranges: Ranges, done: CaughtUp) -> None:
        indexer = LetterIndexer(self.database, self.clock)
        read = 0
        async for batch in self.log.read(ranges):
            await indexer.process(Records(batch))
            read = self._told(self.names.letters, batch, ranges, read)
            found = [
                failed
                for record in batch
                if (failed := failures.read_letter(record, self.workflow, self.group)) is not None
            ]
            found = await failures.with_claims(found, self.ports)
            done.failures += await self.database.run(partial(failures.take, found=found))
        done.letters = read
        done.records += read

    async def _take_results(
        self, taker: ResultTaker, event: type[Event], ranges: Ranges, done: CaughtUp
    ) -> None:
        topic = self.names.of(event)
        read = 0
        async for batch in self.log.read(ranges):
            found = [
                result
                for record in batch
                if (result := read_result(record, event, self.workflow)) is not None
            ]
            received = await self._received(found)
            done.executions += await self.database.run(partial(taker.take, results=found, received=received))
            done.foreign += len(batch) - len(found)
            read = self._told(topic, batch, ranges, read)
        done.records += read

    async def _received(self, results: Sequence[Result]) -> dict[bytes, Decoded]:
        """Give the leads that these results were stated of: their content tells a repetition from a reused id."""
        topic = self.names.of(LeadReceived)
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
        async for batch in self.log.read(await self.log.since(self.names.requests, moment_ms)):
            for record in batch:
                asked = failures.read_request(record, self.workflow)
                if asked is None or asked.letter.edit_sha256 is None:
                    continue
                found[asked.work.envelope.id] = asked.work.event
        return found

    async def _resolve(self, done: CaughtUp) -> None:
        ids = await self.database.run(failures.open_ids)
        for start in range(0, len(ids), failures.AT_ONCE):
            part = ids[start : start + failures.AT_ONCE]
            done.resolved += await self.database.run(
                partial(failures.resolve, letter_ids=part, workflow=self.workflow, now_us=to_us(self.clock()))
            )

    def _told(self, topic: str, batch: Sequence[Record], ranges: Ranges, read: int) -> int:
        self.tell(topic, read + len(batch), count(ranges))
        return read + len(batch)


def _decoded(record: Record) -> Decoded | None:
    try:
        return decode(record.value, list(record.headers), LeadReceived, Position.of(record))
    except DecodeError:
        return None
