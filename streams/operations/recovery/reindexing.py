"""This file makes the index of dead letters anew from the topics: what failed, was edited, and decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from streams.clock import Clock, to_us
from streams.engine.indexing import row_of
from streams.kafka.log import Log
from streams.kafka.reader import count
from streams.operations.recovery import failures
from streams.store import letter_changes, letters
from streams.store.engine import Database
from streams.store.letters import ERASED, LetterRow, microseconds
from streams.workflow import Workflow
from topics.decode import Record
from topics.letter import is_time
from topics.registry import TopicNames

DECIDED = ("discard", "restore", "schedule", "unschedule", "erase")
"""Acts after which a letter has another status; nothing comes after the last one."""
Tell = Callable[[str, int, int], None]
"""Is told what is read (a topic), how many records of it, and how many there are."""


@dataclass(slots=True)
class Reindexed:
    """What an index has learnt."""

    letters: int = 0
    """Letters read; those of a generation that was known change nothing."""
    foreign: int = 0
    """Records on the letters topic that are no letters."""
    decided: int = 0
    """Letters that people had given up, restored, scheduled or parked."""
    resolved: int = 0
    """Letters whose actions have succeeded since."""


@dataclass(slots=True)
class Reindexer:
    """One run; workers may run beside it, and it may be repeated."""

    workflow: Workflow
    database: Database
    log: Log
    names: TopicNames
    clock: Clock
    tell: Tell
    _acts: dict[str, Mapping[str, Any]] = field(default_factory=dict, init=False)

    async def run(self) -> Reindexed:
        """Read the topics from their beginning. Raises as store and log do."""
        done = Reindexed()
        await self._read(
            self.names.audit, self._note
        )  # first: what was erased must not come back for a moment
        await self._read(self.names.letters, partial(self._take, done))
        done.decided = await self._decide()
        ids = await self.database.run(failures.open_ids)
        for start in range(0, len(ids), failures.AT_ONCE):
            part = ids[start : start + failures.AT_ONCE]
            now_us = to_us(self.clock())
            done.resolved += await self.database.run(
                partial(failures.resolve, letter_ids=part, workflow=self.workflow, now_us=now_us)
            )
            self.tell("outcomes", start + len(part), len(ids))
        return done

    async def _read(self, topic: str, take: Callable[[Sequence[Record]], Any]) -> None:
        ranges = await self.log.since(topic, 0)
        read, total = 0, count(ranges)
        async for batch in self.log.read(ranges):
            taken = take(batch)
            if taken is not None:
                await taken
            read += len(batch)
            self.tell(topic, read, total)

    async def _take(self, done: Reindexed, batch: Sequence[Record]) -> None:
        rows = [self._kept(row) for record in batch if (row := row_of(record)) is not None]
        done.letters += len(rows)
        done.foreign += len(batch) - len(rows)
        now_us = to_us(self.clock())
        await self.database.run(lambda connection: letters.index(connection, rows, now_us))

    def _kept(self, row: LetterRow) -> LetterRow:
        is_erased = self._acts.get(row.letter.id, {}).get("act") == "erase"
        return replace(row, status=ERASED, key=None, value=None, headers=[]) if is_erased else row

    def _note(self, batch: Sequence[Record]) -> None:
        for record in batch:
            try:
                act = orjson.loads(record.value or b"")
                about = act["about"]
                is_whole = "\x00" not in about and (act["act"] != "schedule" or is_time(act["due"]))
                is_gone = self._acts.get(about, {}).get("act") == "erase"
                if act["act"] in DECIDED and is_whole and not is_gone:
                    self._acts[about] = act  # one key, one partition: in their order
            except (orjson.JSONDecodeError, KeyError, TypeError):
                continue  # anyone may write there

    async def _decide(self) -> int:
        acts = list(self._acts.items())
        decided = 0
        for start in range(0, len(acts), failures.AT_ONCE):
            part = dict(acts[start : start + failures.AT_ONCE])
            decided += await self.database.run(partial(_decide, acts=part, now_us=to_us(self.clock())))
        return decided


def _decide(connection: Connection, acts: Mapping[str, Mapping[str, Any]], now_us: int) -> int:
    decided = 0
    for row in letters.get(connection, list(acts)):
        act = acts[row.letter.id]
        if act["act"] == "erase":
            decided += len(letter_changes.erase(connection, [row.letter.id], now_us))
            continue
        if act.get("generation") != row.letter.generation:
            continue  # it was about an earlier failure
        ids = [row.letter.id]
        match act["act"]:
            case "discard":
                decided += len(letter_changes.discard(connection, ids, now_us))
            case "restore":
                decided += len(letter_changes.restore(connection, ids))
            case "schedule":
                decided += len(letter_changes.schedule(connection, ids, microseconds(act["due"])))
            case _:
                decided += len(letter_changes.unschedule(connection, ids))
    return decided
