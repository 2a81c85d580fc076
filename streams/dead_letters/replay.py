"""This file replays dead letters: asks the failed actions to run again, and watches what comes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.clock import to_us
from streams.dead_letters.retries import LEASE, request
from streams.engine.installation import Installation
from streams.store import letter_replays, letters
from streams.store.letters import DISCARDED, OPEN, RESOLVED, LetterRow
from streams.store.schema import letters as letters_table

AT_ONCE = 200
"""Letters per request: each brings its whole record along."""

Verdict = Literal["resolved", "failed again", "pending", "noop"]


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """What came of one letter."""

    id: str
    verdict: Verdict
    action: str
    code: str
    """Why it failed: this time, if it failed again."""
    generation: int
    status: str


@dataclass(slots=True)
class Replay:
    """One job over some letters; every letter ends as exactly one outcome."""

    installation: Installation
    job: str = field(default_factory=lambda: str(uuid4()))
    _asked: dict[str, LetterRow] = field(default_factory=dict, init=False)

    async def ask(self, ids: Sequence[str]) -> AsyncIterator[ReplayOutcome]:
        """Ask for the letters to be done again; gives those that need no asking, as `noop`.

        Raises `StoreUnavailableError` or `PublishError`. What was marked and not published is asked for by a worker
        a minute later.
        """
        for start in range(0, len(ids), AT_ONCE):
            rows = await self.installation.database.run(partial(self._take, ids=ids[start : start + AT_ONCE]))
            todo = [row for row in rows if row.status in OPEN]
            await self.installation.publisher.publish(
                [request(row, self.installation.topics, job=self.job) for row in todo]
            )
            for row in rows:
                if row.status in OPEN:
                    # The record itself is not needed any more, and there may be many.
                    self._asked[row.letter.id] = LetterRow(row.status, None, row.letter, None, None, None, [])
                else:
                    yield _outcome(row, "noop")

    async def look(self) -> list[ReplayOutcome]:
        """Give the letters that have an outcome since the last look."""
        pending = list(self._asked)
        found: list[ReplayOutcome] = []
        for start in range(0, len(pending), 1000):
            found += await self.installation.database.run(
                partial(self._judge, ids=pending[start : start + 1000])
            )
        for outcome in found:
            del self._asked[outcome.id]
        return found

    @property
    def pending(self) -> list[ReplayOutcome]:
        """The letters without an outcome so far."""
        return [_outcome(row, "pending") for row in self._asked.values()]

    def _take(self, connection: Connection, ids: Sequence[str]) -> list[LetterRow]:
        rows = letters.get(connection, ids)
        wanted = [row.letter.id for row in rows if row.status in OPEN]
        # Marked before it is published: a worker may be done with it before this transaction would come after.
        lease_us = int(LEASE.total_seconds() * 1_000_000)
        letter_replays.mark_replaying(connection, wanted, to_us(self.installation.clock()) + lease_us)
        return sorted(rows, key=lambda row: ids.index(row.letter.id))

    def _judge(self, connection: Connection, ids: Sequence[str]) -> list[ReplayOutcome]:
        table = letters_table.c
        query = sa.select(
            table.id, table.status, table.resolution, table.action, table.code, table.generation
        ).where(table.id.in_(ids))
        found = []
        for letter_id, status, resolution, action, code, generation in connection.execute(query):
            verdict: Verdict
            if status in (RESOLVED, DISCARDED):
                verdict = "resolved" if resolution == "resolved" else "noop"
            elif generation > self._asked[letter_id].letter.generation:
                verdict = "failed again"
            else:
                continue
            found.append(ReplayOutcome(letter_id, verdict, action, code, generation, status))
        return found


def _outcome(row: LetterRow, verdict: Verdict) -> ReplayOutcome:
    letter = row.letter
    return ReplayOutcome(letter.id, verdict, letter.action, letter.code, letter.generation, row.status)
