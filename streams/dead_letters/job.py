"""The engine of replays: it asks for letters, as its options say, and learns what comes of each.

Which letters may be asked for, and where it is noted how far each of them is, is up to a `JobLetters`: those of a plan
are in `planned_letters`, those that a person names in `replay`.
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

NAP_S, SHORT_NAP_S = 0.2, 0.02
"""Between two looks for outcomes: short while few are awaited, for then the next ones may depend on them."""
FEW = 10
BATCH_SIZE = 500


class LetterOutcome(NamedTuple):
    """What came of a letter that was asked for."""

    id: str
    state: Literal["resolved", "noop", "failed"]
    action: str
    code: str
    """Why it failed: this time, if it failed again."""
    generation: int
    status: str


class Taken(NamedTuple):
    """Letters that were marked as asked for, to be published now."""

    rows: Sequence[LetterRow]
    number: int
    """How many were looked at for it: one that is skipped costs the store as much."""


class Ending(NamedTuple):
    """How a job ended, and why."""

    status: JobStatus
    message: str | None


class JobLetters(Protocol):
    """The letters of one job, and where it is noted how far each of them is."""

    counts: Counter[str]
    """Letters by state."""
    asked: dict[str, int]
    """Letters without an outcome so far, each with its generation when it was asked for."""
    first_failure: str
    """Names the first letter that failed, for the message of a job that stops."""

    def resume(self) -> AsyncIterator[Sequence[LetterRow]]:
        """Yield the letters that a process before this one has marked, and maybe did not come to publish."""
        ...

    def take(self, most: int) -> AsyncIterator[Taken]:
        """Mark at most so many letters as asked for, and yield them."""
        ...

    async def note(self, outcomes: Sequence[LetterOutcome]) -> None:
        """Note what came of letters, which then are asked for no more."""
        ...

    async def ended(self) -> Ending | None:
        """Return how the job ended by somebody else, or for want of outcomes; None: it goes on."""
        ...

    async def end(self, status: JobStatus, message: str | None) -> None:
        """Note that the job ended."""
        ...


@dataclass(slots=True)
class Job:
    """One process that works on a job."""

    id: str
    installation: Installation
    letters: JobLetters
    options: JobOptions
    lag: Lag | None = None
    answer_within_s: float | None = None
    """A batch that takes the broker longer raises `TimeoutError`; None: the job waits for its broker."""
    _before: Counter[str] = field(default_factory=Counter, init=False)
    """Letters by state when this process began: a job that goes on begins with its canary again."""
    _live: LiveTraffic = field(init=False)
    _bucket: TokenBucket = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is looked at yet."""
        self._live = LiveTraffic(self.lag, self.options.yield_to_lag)
        self._bucket = TokenBucket(self.options.rate)

    async def run(self, report: Callable[[JobProgress], None]) -> JobProgress:
        """Go on until all letters have an outcome, or the job is stopped, paused, cancelled, or taken over.

        Raise as store and publisher do: then it can be gone on with. Cancelled, it is paused.
        """
        async for rows in self.letters.resume():
            await self._publish(rows)
        self._before = self.letters.counts.copy()
        watching = asyncio.create_task(self._live.watch())
        try:
            return await self._run(report)
        except asyncio.CancelledError:
            await asyncio.shield(self.letters.end("paused", "it was interrupted"))
            raise
        finally:
            watching.cancel()

    async def ask(self) -> None:
        """Ask for as many letters as may be in flight now."""
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
            await asyncio.sleep(SHORT_NAP_S if len(self.letters.asked) <= FEW else NAP_S)

    async def _note_outcomes(self) -> None:
        if self.letters.asked:
            came = await self.installation.database.run(partial(outcomes, asked=self.letters.asked))
            if came:
                await self.letters.note(came)

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
    """Return what came of those letters that have an outcome; `asked` are their generations, by id."""
    column = letters_table.c
    query = sa.select(
        column.id, column.status, column.resolution, column.action, column.code, column.generation
    )
    ids, came = list(asked), []
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
            came.append(LetterOutcome(letter_id, state, action, code, generation, status))
    return came
