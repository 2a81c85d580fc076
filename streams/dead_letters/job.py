"""This file replays the letters of a plan: a few first, then more, never beside what has changed since it was made."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from streams.clock import to_us
from streams.dead_letters.job_limits import JobProgress, Options, TokenBucket, capacity, over_failure_limit
from streams.dead_letters.job_order import BusyContacts, in_order
from streams.dead_letters.lag_guard import Lag, LiveTraffic
from streams.dead_letters.planned_letters import Judged, judge
from streams.dead_letters.prediction import Prediction
from streams.dead_letters.retries import LEASE, request
from streams.dead_letters.skip_reasons import why_left_out
from streams.engine.installation import Installation
from streams.store import jobs, ledger, letter_changes, letter_replays, letters
from streams.store.jobs import ItemRow, ItemState, JobStatus
from streams.store.letters import REPLAYING, LetterRow

NAP_S, SHORT_NAP_S = 0.2, 0.02
"""Between two looks for outcomes: short while few are awaited, for then the next ones may depend on them."""
FEW = 10
BEAT_EVERY_S = 0.5
SILENT_S = 120.0
"""Without any outcome for so long, the job pauses: there may be no worker."""
READ_AHEAD = 200

Previewing = Callable[[Sequence[str]], Iterable[tuple[LetterRow, Prediction]]]
"""Says what the replay of these letters would do now, in this order."""


@dataclass(slots=True)
class Job:
    """One process that works on a job. A job whose process died is gone on with by another."""

    id: str
    holder: str
    """Of this process; when another one has taken the job over, this one ends."""
    installation: Installation
    preview: Previewing
    options: Options
    total: int
    lag: Lag | None = None
    _asked: dict[str, ItemRow] = field(default_factory=dict, init=False)
    _counts: Counter[str] = field(default_factory=Counter, init=False)
    """Letters by state. Kept here: counting a hundred thousand rows at each look would take longer than replaying."""
    _before: Counter[str] = field(default_factory=Counter, init=False)
    """The same when this process began: a job that stopped begins anew with its canary."""
    _live: LiveTraffic = field(init=False)
    _flowing: BusyContacts = field(default_factory=lambda: BusyContacts(SILENT_S), init=False)

    def __post_init__(self) -> None:
        """Nothing is looked at yet."""
        self._live = LiveTraffic(self.lag, self.options.yield_to_lag)

    async def run(self, tell: Callable[[JobProgress], None]) -> JobProgress:
        """Go on until all letters have an outcome, or it is stopped, paused, cancelled, or taken over by a process.

        Raises as store and publisher do: then it can be gone on with. Cancelled, it is paused.
        """
        found = await self.installation.database.run(
            partial(jobs.items, job=self.id, states=("asked",), limit=1 << 30)
        )
        await self._ask_again(found)
        self._counts = Counter(await self.installation.database.run(partial(jobs.counts, job=self.id)))
        self._before = self._counts.copy()
        watching = asyncio.create_task(self._live.watch())
        try:
            return await self._run(tell)
        except asyncio.CancelledError:
            await asyncio.shield(self._end("paused", "it was interrupted"))
            raise
        finally:
            watching.cancel()

    async def _run(self, tell: Callable[[JobProgress], None]) -> JobProgress:
        heard, beaten = time.monotonic(), -math.inf
        allowance = TokenBucket(self.options.rate)
        while True:
            judged = await self._judge()
            now = time.monotonic()
            heard = now if judged or not self._asked else heard
            if now - beaten > BEAT_EVERY_S:
                beaten = now
                if (ended := await self._beat()) is not None:
                    return ended
            tell(self._progress("running"))
            if (why := over_failure_limit(self.options, self._done())) is not None:
                return await self._end("stopped", f"{why}: {await self._first_failure()}")
            if now - heard > SILENT_S:
                return await self._end(
                    "paused", f"no outcome for {SILENT_S:.0f} s; is `leads worker` running?"
                )
            if not self._asked and not self._counts["waiting"]:
                return await self._end("done", None)
            free = min(capacity(self.options, self._done(), len(self._asked)), allowance.now(now))
            if free > 0 and self._live.leaves_room():
                allowance.use(await self._ask(free))
            await asyncio.sleep(SHORT_NAP_S if len(self._asked) <= FEW else NAP_S)

    async def _beat(self) -> JobProgress | None:
        """Say that this process lives; gives how it ends when somebody else has decided so."""
        now_us = to_us(self.installation.clock())
        status = await self.installation.database.run(
            partial(jobs.beat, job=self.id, holder=self.holder, now_us=now_us)
        )
        if status is None:
            return self._progress("paused", "another process goes on with it")
        if status != "running":
            self._counts = Counter(await self.installation.database.run(partial(jobs.counts, job=self.id)))
            return self._progress(status)
        return None

    async def _first_failure(self) -> str:
        known = self._before["failed"] + 1
        found = await self.installation.database.run(
            partial(jobs.items, job=self.id, states=("failed",), limit=known)
        )
        first = found[-1]
        return f"letter {first.letter_id} {first.found or 'failed again'}; mend the cause, then plan anew (or resume)"

    def _done(self) -> Counter[str]:
        return self._counts - self._before

    def _progress(self, status: JobStatus, message: str | None = None) -> JobProgress:
        return JobProgress(status, self.total, dict(+self._counts), self._live.waits_for, message)

    def _moved(self, state: ItemState, marks: Sequence[tuple[int, ItemState, str | None]]) -> None:
        self._counts[state] -= len(marks)
        self._counts.update(new for _, new, _ in marks)

    async def _ask(self, most: int) -> int:
        """Ask for at most so many letters; gives how many were dealt with."""
        waiting = await self.installation.database.run(
            partial(jobs.items, job=self.id, states=("waiting",), limit=max(most, READ_AHEAD))
        )
        about = self._flowing.about(waiting)
        ids = [each for follows in about.values() for each in follows]
        rows = await self.installation.database.run(partial(ledger.find, ids=ids)) if ids else {}
        flowing = self._flowing.still(about, rows, time.monotonic())
        chosen = in_order(waiting, self._asked.values(), flowing, most)
        if not chosen:
            return 0
        under_way = [*self._asked, *(item.letter_id for item in chosen)]
        now_would = await asyncio.to_thread(self._would, under_way)
        taken = await self.installation.database.run(partial(self._take, items=chosen, would=now_would))
        if taken is None:
            return 0  # paused, cancelled or taken over meanwhile
        asked, marks = taken
        self._moved("waiting", marks)
        by_id = {item.letter_id: item for item in chosen}
        self._asked |= {row.letter.id: by_id[row.letter.id] for row in asked}
        if asked:
            await self.installation.publisher.publish(
                [request(row, self.installation.topics, job=self.id) for row in asked]
            )
        return len(chosen)

    async def _ask_again(self, items: Sequence[ItemRow]) -> None:
        # The process before this one may have died between marking and asking; asking twice does nothing twice.
        for start in range(0, len(items), READ_AHEAD):
            part = {item.letter_id: item for item in items[start : start + READ_AHEAD]}
            rows = await self.installation.database.run(partial(letters.get, ids=list(part)))
            open_ = [row for row in rows if row.status == REPLAYING and row.job == self.id]
            await self.installation.publisher.publish(
                [request(row, self.installation.topics, job=self.id) for row in open_]
            )
            self._asked |= part

    async def _publish(self, rows: Sequence[LetterRow]) -> None:
        topics = self.installation.topics
        await self.installation.publisher.publish([request(row, topics, job=self.id) for row in rows])

    def _would(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {row.letter.id: found.essence for row, found in self.preview(ids)}

    def _take(
        self, connection: Connection, items: Sequence[ItemRow], would: dict[str, dict[str, Any]]
    ) -> tuple[list[LetterRow], list[tuple[int, ItemState, str | None]]] | None:
        if jobs.beat(connection, self.id, self.holder, to_us(self.installation.clock())) != "running":
            return None
        rows = {row.letter.id: row for row in letters.get(connection, [item.letter_id for item in items])}
        marks: list[tuple[int, ItemState, str | None]] = []
        found: list[LetterRow] = []
        for item in items:
            row = rows.get(item.letter_id)
            why = why_left_out(self.id, item, row, would.get(item.letter_id))
            if why is None and row is not None:
                found.append(row)
            marks.append((item.position, "asked" if why is None else "skipped", why))
        if self.options.stale is not None:
            found = letter_changes.decide_stale(connection, found, self.options.stale)
        letter_replays.mark_replaying(
            connection,
            [row.letter.id for row in found],
            to_us(self.installation.clock()) + int(LEASE.total_seconds() * 1_000_000),
        )
        jobs.mark(connection, self.id, marks)
        gone = {item.letter_id for item in items} - {row.letter.id for row in found}
        letter_changes.release(connection, self.id, gone)
        return found, marks

    async def _judge(self) -> int:
        if not self._asked:
            return 0
        found: list[Judged] = await self.installation.database.run(
            partial(judge, items=list(self._asked.values()))
        )
        if found:
            marks = [(each.item.position, each.state, each.found) for each in found]
            await self.installation.database.run(partial(self._write, found=found, marks=marks))
            self._moved("asked", marks)
        for each in found:
            del self._asked[each.item.letter_id]
            if each.state == "resolved":
                self._flowing.begin(each.item, time.monotonic())
        return len(found)

    def _write(
        self,
        connection: Connection,
        found: Sequence[Judged],
        marks: Sequence[tuple[int, ItemState, str | None]],
    ) -> None:
        jobs.mark(connection, self.id, marks)
        letter_changes.release(connection, self.id, [each.item.letter_id for each in found])

    async def _end(self, status: JobStatus, message: str | None) -> JobProgress:
        now_us = to_us(self.installation.clock())
        end = partial(
            jobs.set_status,
            job=self.id,
            status=status,
            message=message,
            now_us=now_us,
            of=("running",),
            holder=self.holder,
        )
        await self.installation.database.run(end)
        return self._progress(status, message)
