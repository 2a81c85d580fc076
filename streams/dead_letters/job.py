"""The engine of replays: it requests letters within the limits of its options and reads the outcome of each.

A `JobLetters` decides which letters may be requested and records their progress: `planned_letters` has the one for a
plan, `replay` the one for letters that a person names.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.chunks import chunked
from streams.dead_letters.job_limits import (
    JobOptions,
    JobProgress,
    Lag,
    LiveTraffic,
    TokenBucket,
    capacity,
    over_failure_limit,
)
from streams.dead_letters.retries import request
from streams.engine.installation import Installation
from streams.store.jobs import JobStatus
from streams.store.letters import DISCARDED, RESOLVED, LetterRow
from streams.store.schema import letters as letters_table

POLL_S, SHORT_POLL_S = 0.2, 0.02
"""Seconds between two looks for outcomes; short while few are awaited, since the next letters may depend on them."""
FEW = 10
BATCH_SIZE = 500


class LetterOutcome(NamedTuple):
    """Outcome of a letter that was requested."""

    id: str
    state: Literal["resolved", "noop", "failed"]
    action: str
    code: str
    """Why it failed; after another failure, the newest reason."""
    generation: int
    status: str


class Taken(NamedTuple):
    """Letters that were marked as requested and are to be published now."""

    rows: Sequence[LetterRow]
    number: int
    """Letters read for it, skipped ones included: they cost the store as much."""


class Ending(NamedTuple):
    """How a job ended, and why."""

    status: JobStatus
    message: str | None


class JobLetters(Protocol):
    """The letters of one job and the record of their progress."""

    counts: Counter[str]
    """Letters by state."""
    asked: dict[str, int]
    """Requested letters without an outcome, each with its generation at the request."""
    first_failure: str
    """Sentence about the first letter that failed, for the message of a job that stops."""

    def resume(self) -> AsyncIterator[Sequence[LetterRow]]:
        """Yield the letters that an earlier process has marked and perhaps not published."""
        ...

    def take(self, limit: int) -> AsyncIterator[Taken]:
        """Mark at most `limit` letters as requested, and yield them."""
        ...

    async def note(self, outcomes: Sequence[LetterOutcome]) -> None:
        """Record the outcomes of letters and stop waiting for those letters."""
        ...

    async def ended(self) -> Ending | None:
        """Return how the job was ended from outside or for lack of outcomes; None: it continues."""
        ...

    async def end(self, status: JobStatus, message: str | None) -> None:
        """Record that the job ended."""
        ...


@dataclass(slots=True)
class Job:
    """A job as one process works on it."""

    id: str
    installation: Installation
    letters: JobLetters
    options: JobOptions
    lag: Lag | None = None
    answer_within_s: float | None = None
    """Raise `TimeoutError` when the broker takes longer for a batch; None: wait for it."""
    _before: Counter[str] = field(default_factory=Counter, init=False)
    """Letters by state when this process began: a resumed job starts with its canary again."""
    _live: LiveTraffic = field(init=False)
    _bucket: TokenBucket = field(init=False)

    def __post_init__(self) -> None:
        """Set up the limits."""
        self._live = LiveTraffic(self.lag, self.options.yield_to_lag)
        self._bucket = TokenBucket(self.options.rate)

    async def run(self, report: Callable[[JobProgress], None]) -> JobProgress:
        """Run until all letters have an outcome, or the job is stopped, paused, cancelled or taken over.

        Raise as store and publisher do; the job can be resumed then. A cancelled task pauses the job.
        """
        watching = asyncio.create_task(self._live.watch())
        try:
            async for rows in self.letters.resume():
                await self._publish(rows)
            self._before = self.letters.counts.copy()
            return await self._run(report)
        except asyncio.CancelledError:
            await asyncio.shield(self.letters.end("paused", "it was interrupted"))
            raise
        finally:
            watching.cancel()

    async def ask(self) -> None:
        """Request as many letters as may be in flight now."""
        free = min(
            capacity(self.options, self._done(), len(self.letters.asked)), self._bucket.now(time.monotonic())
        )
        if free > 0 and self._live.leaves_room():
            async for batch in self.letters.take(free):
                await self._publish(batch.rows)
                self._bucket.use(batch.number)

    async def _run(self, report: Callable[[JobProgress], None]) -> JobProgress:
        while True:
            await self._note_outcomes()
            if (ending := await self.letters.ended()) is not None:
                return self._progress(*ending)
            report(self._progress("running"))
            if (limit := over_failure_limit(self.options, self._done())) is not None:
                return await self._end("stopped", f"{limit}: {self.letters.first_failure}")
            if not self.letters.asked and not self.letters.counts["waiting"]:
                return await self._end("done", None)
            await self.ask()
            await asyncio.sleep(SHORT_POLL_S if len(self.letters.asked) <= FEW else POLL_S)

    async def _note_outcomes(self) -> None:
        if self.letters.asked:
            ended = await self.installation.database.run(partial(outcomes, asked=self.letters.asked))
            if ended:
                await self.letters.note(ended)

    async def _publish(self, rows: Sequence[LetterRow]) -> None:
        if rows:
            records = [request(row, self.installation.topics, job=self.id) for row in rows]
            async with asyncio.timeout(self.answer_within_s):
                await self.installation.publisher.publish(records)

    def _done(self) -> Counter[str]:
        return self.letters.counts - self._before

    def _progress(self, status: JobStatus, message: str | None = None) -> JobProgress:
        return JobProgress(status, dict(+self.letters.counts), self._live.waits_for, message)

    async def _end(self, status: JobStatus, message: str | None) -> JobProgress:
        await self.letters.end(status, message)
        return self._progress(status, message)


def outcomes(connection: Connection, asked: Mapping[str, int]) -> list[LetterOutcome]:
    """Return the outcomes of those letters that have one; `asked` holds their generations by id."""
    column = letters_table.c
    query = sa.select(
        column.id, column.status, column.resolution, column.action, column.code, column.generation
    )
    ids, ended = list(asked), []
    for part in chunked(ids, BATCH_SIZE):
        rows = connection.execute(query.where(column.id.in_(part)))
        for letter_id, status, resolution, action, code, generation in rows:
            state: Literal["resolved", "noop", "failed"]
            if status in (RESOLVED, DISCARDED):
                state = "resolved" if resolution == "resolved" else "noop"
            elif generation > asked[letter_id]:
                state = "failed"
            else:
                continue
            ended.append(LetterOutcome(letter_id, state, action, code, generation, status))
    return ended
