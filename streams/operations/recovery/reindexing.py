"""Rebuilds the index of dead letters from the topics: failures, edits and decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from streams.chunks import chunked
from streams.clock import to_us
from streams.engine.indexing import row_of
from streams.engine.installation import Installation
from streams.kafka.log import Log
from streams.kafka.reader import count
from streams.operations.recovery import failures
from streams.store import letter_changes, letters
from streams.store.letters import ERASED, LetterRow, microseconds
from topics.decode import Record
from topics.letter import is_time

DECIDED = ("discard", "restore", "schedule", "unschedule", "erase")
"""Commands that change the status of a letter; the last one is final."""
Report = Callable[[str, int, int], None]
"""Receives the topic being read, the number of records read and their total."""


@dataclass(slots=True)
class Reindexed:
    """What a rebuild did to the index."""

    letters: int = 0
    """Letters read; a letter of a known generation changes nothing."""
    foreign: int = 0
    """Records on the letters topic that are no letters."""
    decided: int = 0
    """Letters that people had discarded, restored, scheduled, parked or erased."""
    resolved: int = 0
    """Letters whose actions have succeeded since."""


@dataclass(slots=True)
class Reindexer:
    """One rebuild; workers may run beside it, and it may be repeated."""

    installation: Installation
    log: Log
    report: Report
    _decisions: dict[str, Mapping[str, Any]] = field(default_factory=dict, init=False)
    """The last decision about each letter, from the audit topic."""

    async def run(self) -> Reindexed:
        """Read the topics from their beginning. Raise as store and log do."""
        done = Reindexed()
        database, topics = self.installation.database, self.installation.topics
        await self._read(topics.audit, self._note)  # first, so that what was erased never comes back
        await self._read(topics.letters, partial(self._take, done))
        done.decided = await self._decide()
        ids = await database.run(failures.open_ids)
        looked_at = 0
        for part in chunked(ids, failures.BATCH_SIZE):
            done.resolved += await database.run(
                partial(
                    failures.resolve,
                    letter_ids=part,
                    workflow=self.installation.workflow,
                    now_us=to_us(self.installation.clock()),
                )
            )
            looked_at += len(part)
            self.report("outcomes", looked_at, len(ids))
        return done

    async def _read(self, topic: str, take: Callable[[Sequence[Record]], Any]) -> None:
        ranges = await self.log.since(topic, 0)
        read, total = 0, count(ranges)
        async for batch in self.log.read(ranges):
            taken = take(batch)
            if taken is not None:
                await taken
            read += len(batch)
            self.report(topic, read, total)

    async def _take(self, done: Reindexed, batch: Sequence[Record]) -> None:
        rows = [self._kept(row) for record in batch if (row := row_of(record)) is not None]
        done.letters += len(rows)
        done.foreign += len(batch) - len(rows)
        now_us = to_us(self.installation.clock())
        await self.installation.database.run(lambda connection: letters.index(connection, rows, now_us))

    def _kept(self, row: LetterRow) -> LetterRow:
        is_erased = self._decisions.get(row.letter.id, {}).get("act") == "erase"
        return replace(row, status=ERASED, key=None, value=None, headers=[]) if is_erased else row

    def _note(self, batch: Sequence[Record]) -> None:
        for record in batch:
            try:
                decision = orjson.loads(record.value or b"")
                about, act = decision["about"], decision["act"]
                is_whole = "\x00" not in about and (act != "schedule" or is_time(decision["due"]))
                is_gone = self._decisions.get(about, {}).get("act") == "erase"
                if act in DECIDED and is_whole and not is_gone:
                    self._decisions[about] = decision  # one key is in one partition, hence in order
            except (orjson.JSONDecodeError, KeyError, TypeError):
                continue  # anyone may write there

    async def _decide(self) -> int:
        decisions = list(self._decisions.items())
        decided = 0
        for part in chunked(decisions, failures.BATCH_SIZE):
            now_us = to_us(self.installation.clock())
            unit = partial(_decide, decisions=dict(part), now_us=now_us)
            decided += await self.installation.database.run(unit)
        return decided


def _decide(connection: Connection, decisions: Mapping[str, Mapping[str, Any]], now_us: int) -> int:
    decided = 0
    for row in letters.get(connection, list(decisions)):
        decision = decisions[row.letter.id]
        if decision["act"] == "erase":
            decided += len(letter_changes.erase(connection, [row.letter.id], now_us))
            continue
        if decision.get("generation") != row.letter.generation:
            continue  # the decision was about an earlier failure
        ids = [row.letter.id]
        match decision["act"]:
            case "discard":
                decided += len(letter_changes.discard(connection, ids, now_us))
            case "restore":
                decided += len(letter_changes.restore(connection, ids))
            case "schedule":
                decided += len(letter_changes.schedule(connection, ids, microseconds(decision["due"])))
            case _:
                decided += len(letter_changes.unschedule(connection, ids))
    return decided
