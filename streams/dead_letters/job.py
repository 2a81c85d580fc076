"""This file replays the letters of a plan: a few first, then more, never beside what has changed since it was made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from streams.dead_letters.judging import Judged, judge
from streams.dead_letters.plan import PlanItem, Stale
from streams.dead_letters.prediction import Prediction
from streams.processing.publishing import Publisher
from streams.processing.transaction import Clock
from streams.processing.work import to_us
from streams.retries import LEASE, request
from streams.store import jobs, letter_changes, letters
from streams.store.engine import Database
from streams.store.jobs import ItemRow, ItemState, JobStatus
from streams.store.letters import REPLAYING, LetterRow
from topics.registry import TopicNames

POLL_S = 0.2
LAG_EVERY_S = 1.0
SILENT_S = 120.0
"""Without any outcome for so long, the job pauses: there may be no worker."""
READ_AHEAD = 200

Previewing = Callable[[Sequence[str]], Iterable[tuple[LetterRow, Prediction]]]
"""Says what the replay of these letters would do now, in this order."""
Lag = Callable[[], Awaitable[int]]
"""Gives how many records live traffic waits for."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a job goes about it."""

    rate: float = 100.0
    """Letters a second, at most."""
    max_in_flight: int = 200
    """Letters asked for whose outcome is not known."""
    canary: tuple[int, ...] = (1, 10, 100)
    """Sizes of the first steps: each waits for all its outcomes."""
    stop_if_fail: float = 5.0
    """Per cent of the letters with an outcome; beyond that the job stops."""
    yield_to_lag: int | None = 1000
    """Waits while live traffic is so far behind; None: never."""
    stale: Stale | None = None
    """What is done about events that are too old for their action; None: as the action declares."""
    is_forced: bool = False
    """Asks, too, for letters of which the plan says that they would fail again."""

    def as_data(self) -> dict[str, Any]:
        """Give them as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_data(cls, found: dict[str, Any]) -> Options:
        """Read `as_data` back."""
        return cls(**{**found, "canary": tuple(found["canary"])})


@dataclass(slots=True)
class Progress:
    """How far a job is."""

    status: JobStatus
    total: int
    counts: dict[str, int]
    """Letters by state."""
    waits_for: str | None = None
    message: str | None = None

    @property
    def ended(self) -> int:
        """Letters of which the outcome is known, or that were left out."""
        return self.total - self.counts.get("waiting", 0) - self.counts.get("asked", 0)


@dataclass(slots=True)
class Job:
    """One process that works on a job. A job whose process died is gone on with by another."""

    id: str
    database: Database
    publisher: Publisher
    names: TopicNames
    clock: Clock
    preview: Previewing
    options: Options
    total: int
    lag: Lag | None = None
    _asked: dict[str, ItemRow] = field(default_factory=dict, init=False)
    _waits_for: str | None = field(default=None, init=False)
    _before: dict[str, int] = field(default_factory=dict, init=False)
    """Letters by state when this process began: a job that stopped begins anew with its canary."""

    async def run(self, tell: Callable[[Progress], None]) -> Progress:
        """Go on until all letters have an outcome, or it is stopped, paused or cancelled.

        Raises as store and publisher do: then it can be gone on with. Cancelled, it is paused.
        """
        found = await self.database.run(partial(jobs.items, job=self.id, states=("asked",), limit=1 << 30))
        await self._ask_again(found)
        self._before = await self.database.run(partial(jobs.counts, job=self.id))
        began = heard = time.monotonic()
        sent, lag_at = 0, 0.0
        try:
            while True:
                judged = await self._judge()
                now = time.monotonic()
                heard = now if judged or not self._asked else heard
                progress = await self._progress()
                tell(progress)
                if progress.status != "running":
                    return progress
                if (failing := await self._too_many_fail(progress)) is not None:
                    return await self._end("stopped", failing)
                if now - heard > SILENT_S:
                    return await self._end(
                        "paused", f"no outcome for {SILENT_S:.0f} s; is `leads worker` running?"
                    )
                room = min(self._room(progress), int((now - began) * self.options.rate) + 1 - sent)
                if (
                    self.lag is not None
                    and self.options.yield_to_lag is not None
                    and room > 0
                    and now - lag_at > LAG_EVERY_S
                ):
                    lag_at, behind = now, await self.lag()
                    is_late = behind > self.options.yield_to_lag
                    self._waits_for = f"live traffic, {behind:,} records behind" if is_late else None
                if self._waits_for is None and room > 0:
                    asked = await self._ask(room)
                    sent += asked
                    if asked == 0 and not self._asked and not await self._left():
                        return await self._end("done", None)
                    if asked:
                        continue
                await asyncio.sleep(POLL_S)
        except asyncio.CancelledError:
            await asyncio.shield(self._end("paused", "it was interrupted"))
            raise

    def _room(self, progress: Progress) -> int:
        """Give how many letters more may be asked for now."""
        in_flight = len(self._asked)
        ended = sum(self._since(progress, state) for state in ("resolved", "noop", "failed"))
        room = self.options.max_in_flight - in_flight
        step_end = 0
        for size in self.options.canary:
            step_end += size
            if ended < step_end:
                return min(room, step_end - ended - in_flight)
        return room

    async def _too_many_fail(self, progress: Progress) -> str | None:
        failed = self._since(progress, "failed")
        ended = failed + self._since(progress, "resolved") + self._since(progress, "noop")
        if failed == 0 or failed * 100 <= self.options.stop_if_fail * ended:
            return None
        known = self._before.get("failed", 0) + 1
        first = (await self.database.run(partial(jobs.items, job=self.id, states=("failed",), limit=known)))[
            -1
        ]
        return (
            f"{failed} of {ended} failed, more than {self.options.stop_if_fail:g} %: letter {first.letter_id} "
            f"{first.found or 'failed again'}; mend the cause, then plan anew (or resume)"
        )

    def _since(self, progress: Progress, state: ItemState) -> int:
        return progress.counts.get(state, 0) - self._before.get(state, 0)

    async def _ask(self, room: int) -> int:
        """Ask for at most so many letters; gives how many were dealt with."""
        waiting = await self.database.run(
            partial(jobs.items, job=self.id, states=("waiting",), limit=min(room, READ_AHEAD))
        )
        chosen = self._in_turn(waiting)
        if not chosen:
            return 0
        ids = [*self._asked, *(item.letter_id for item in chosen)]
        now_would = await asyncio.to_thread(self._would, ids)
        asked = await self.database.run(partial(self._take, items=chosen, would=now_would))
        if asked:
            await self.publisher.publish([request(row, self.names, job=self.id) for row in asked])
        return len(chosen)

    async def _ask_again(self, items: Sequence[ItemRow]) -> None:
        # The process before this one may have died between marking and asking; asking twice does nothing twice.
        for start in range(0, len(items), READ_AHEAD):
            part = {item.letter_id: item for item in items[start : start + READ_AHEAD]}
            rows = await self.database.run(partial(letters.get, ids=list(part)))
            open_ = [row for row in rows if row.status == REPLAYING and row.job == self.id]
            await self.publisher.publish([request(row, self.names, job=self.id) for row in open_])
            self._asked |= part

    def _in_turn(self, waiting: Sequence[ItemRow]) -> list[ItemRow]:
        # Who gets an owner's next turn depends on the order: of these only one is under way at a time.
        is_turn_taken = any(_takes_turn(item) for item in self._asked.values())
        chosen = []
        for item in waiting:
            if _takes_turn(item):
                if is_turn_taken:
                    break
                is_turn_taken = True
            chosen.append(item)
        return chosen

    def _would(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {row.letter.id: found.essence for row, found in self.preview(ids)}

    def _take(
        self, connection: Connection, items: Sequence[ItemRow], would: dict[str, dict[str, Any]]
    ) -> list[LetterRow]:
        rows = {row.letter.id: row for row in letters.get(connection, [item.letter_id for item in items])}
        marks: list[tuple[int, ItemState, str | None]] = []
        taken: list[tuple[ItemRow, LetterRow]] = []
        for item in items:
            row = rows.get(item.letter_id)
            why = self._why_not(item, row, would.get(item.letter_id))
            if why is None and row is not None:
                taken.append((item, row))
            marks.append((item.position, "asked" if why is None else "skipped", why))
        found = [row for _, row in taken]
        if self.options.stale is not None:
            found = letter_changes.decide_stale(connection, found, self.options.stale)
        letters.mark_replaying(
            connection,
            [row.letter.id for row in found],
            to_us(self.clock()) + int(LEASE.total_seconds() * 1_000_000),
        )
        jobs.mark(connection, self.id, marks)
        gone = {item.letter_id for item in items} - {row.letter.id for row in found}
        letter_changes.release(connection, self.id, gone)
        self._asked |= {item.letter_id: item for item, _ in taken}
        return found

    def _why_not(self, item: ItemRow, row: LetterRow | None, would: dict[str, Any] | None) -> str | None:
        if row is None or would is None:
            return "it is not there any more"
        if row.job != self.id or row.status not in letter_changes.RESTING:
            return f"it is {row.status} now"
        planned = PlanItem.from_data(item.planned)
        changed = planned.changed(row)
        if changed is None and would != planned.essence:
            changed = f"its replay would come to something else now: {_difference(planned.essence, would)}"
        return changed

    async def _judge(self) -> int:
        if not self._asked:
            return 0
        found: list[Judged] = await self.database.run(partial(judge, items=list(self._asked.values())))
        if found:
            await self.database.run(partial(self._write, found=found))
        for each in found:
            del self._asked[each.item.letter_id]
        return len(found)

    def _write(self, connection: Connection, found: Sequence[Judged]) -> None:
        jobs.mark(connection, self.id, [(each.item.position, each.state, each.found) for each in found])
        letter_changes.release(connection, self.id, [each.item.letter_id for each in found])

    async def _progress(self) -> Progress:
        now_us = to_us(self.clock())

        def look(connection: Connection) -> Progress:
            status = jobs.beat(connection, self.id, now_us)
            return Progress(status, self.total, jobs.counts(connection, self.id), self._waits_for)

        return await self.database.run(look)

    async def _left(self) -> bool:
        return bool(
            await self.database.run(partial(jobs.items, job=self.id, states=("waiting", "asked"), limit=1))
        )

    async def _end(self, status: JobStatus, message: str | None) -> Progress:
        now_us = to_us(self.clock())

        def end(connection: Connection) -> Progress:
            jobs.set_status(connection, self.id, status, message, now_us, of=("running",))
            return Progress(status, self.total, jobs.counts(connection, self.id), None, message)

        return await self.database.run(end)


def _takes_turn(item: ItemRow) -> bool:
    return bool(item.planned["would"].get("is_new_owner"))


def _difference(planned: dict[str, Any], would: dict[str, Any]) -> str:
    names = sorted(name for name in planned.keys() | would.keys() if planned.get(name) != would.get(name))
    return ", ".join(f"{name} {planned.get(name, '-')} -> {would.get(name, '-')}" for name in names)
