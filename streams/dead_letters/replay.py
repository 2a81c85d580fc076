"""Plain replays: jobs without a plan, which request named letters at once and report the outcome of each.

A plain replay writes nothing into the tables of jobs and claims no letter, so there is nothing to resume. Its requests
are on the topic, workers repeat a request that has no outcome in time, and the audit names each letter with the id of
the replay.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal
from uuid import uuid4

from sqlalchemy.engine import Connection

from streams.clock import to_us
from streams.dead_letters.job import Ending, Job, LetterOutcome, Taken
from streams.dead_letters.job_limits import UNLIMITED
from streams.dead_letters.retries import LEASE
from streams.engine.installation import Installation
from streams.store import letter_replays, letters
from streams.store.jobs import JobStatus
from streams.store.letters import OPEN, LetterRow

BATCH_SIZE = 200
"""Letters per transaction; each is read with its whole record."""
ANSWER_WITHIN_S = 32.0
"""The client itself waits without end for a lost broker."""


ReplayVerdict = Literal["resolved", "failed again", "pending", "noop"]


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """Outcome of one letter."""

    id: str
    outcome: ReplayVerdict
    action: str
    code: str
    """Why it failed; after another failure, the newest reason."""
    generation: int
    status: str


Report = Callable[[ReplayOutcome], None]


def replay_job(
    installation: Installation, ids: Sequence[str], report: Report, wait_s: float
) -> tuple[Job, NamedLetters]:
    """Return the job that replays these letters, and its letters; see `NamedLetters`."""
    named = NamedLetters(installation, ids, report, wait_s)
    return Job(str(uuid4()), installation, named, UNLIMITED, answer_within_s=ANSWER_WITHIN_S), named


class NamedLetters:
    """`JobLetters` for letters that a person names: each is reported unless it is `pending` at the end."""

    first_failure = ""  # unused: no number of failures stops the job

    def __init__(self, installation: Installation, ids: Sequence[str], report: Report, wait_s: float) -> None:
        """Wait `wait_s` for outcomes after the last request; 0: do not wait."""
        self._installation = installation
        self._waiting = list(ids)
        self._report = report
        self._wait_s = wait_s
        self._deadline = math.inf
        self._pending: dict[str, ReplayOutcome] = {}
        self.asked: dict[str, int] = {}
        self.counts: Counter[str] = Counter(waiting=len(ids))

    @property
    def pending(self) -> list[ReplayOutcome]:
        """The requested letters without an outcome."""
        return list(self._pending.values())

    async def resume(self) -> AsyncIterator[Sequence[LetterRow]]:
        """Yield no letters: there was no process before this one."""
        yield ()

    async def take(self, limit: int) -> AsyncIterator[Taken]:
        """See `JobLetters.take`. A worker requests marked letters that were not published a minute later."""
        while self._waiting and limit > 0:
            ids = self._waiting[: min(BATCH_SIZE, limit)]
            rows = await self._installation.database.run(partial(self._take, ids=ids))
            del self._waiting[: len(ids)]
            limit -= len(ids)
            self.counts["waiting"] -= len(ids)
            open_ = [row for row in rows if row.status in OPEN]
            for row in rows:
                if row.status in OPEN:
                    self._ask_for(row)
                else:
                    self._end("noop", _outcome(row, "noop"))
            yield Taken(open_, len(ids))
            if not self._waiting:
                self._deadline = time.monotonic() + self._wait_s

    async def note(self, outcomes: Sequence[LetterOutcome]) -> None:
        """See `JobLetters.note`."""
        for each in outcomes:
            del self.asked[each.id], self._pending[each.id]
            self.counts["asked"] -= 1
            verdict: ReplayVerdict = "failed again" if each.state == "failed" else each.state
            self._end(
                each.state,
                ReplayOutcome(each.id, verdict, each.action, each.code, each.generation, each.status),
            )

    async def ended(self) -> Ending | None:
        """See `JobLetters.ended`."""
        is_late = bool(self.asked) and time.monotonic() >= self._deadline
        return Ending("paused", "no outcome in time") if is_late else None

    async def end(self, status: JobStatus, message: str | None) -> None:
        """Do nothing: no table holds this job."""

    def _take(self, connection: Connection, ids: Sequence[str]) -> list[LetterRow]:
        rows = letters.get(connection, ids)
        open_ids = [row.letter.id for row in rows if row.status in OPEN]
        # Marked before publishing: a worker may finish before a transaction that came afterwards.
        again_us = to_us(self._installation.clock()) + int(LEASE.total_seconds() * 1_000_000)
        letter_replays.mark_replaying(connection, open_ids, again_us)
        return sorted(rows, key=lambda row: ids.index(row.letter.id))

    def _ask_for(self, row: LetterRow) -> None:
        self.counts["asked"] += 1
        self._pending[row.letter.id] = _outcome(row, "pending")
        if self._wait_s:
            self.asked[row.letter.id] = row.letter.generation

    def _end(self, state: str, outcome: ReplayOutcome) -> None:
        self.counts[state] += 1
        self._report(outcome)


def _outcome(row: LetterRow, verdict: ReplayVerdict) -> ReplayOutcome:
    letter = row.letter
    return ReplayOutcome(letter.id, verdict, letter.action, letter.code, letter.generation, row.status)
