"""The letters of a plan as a job replays them: in the plan's order, and only while they match the plan.

The tables of jobs hold the progress of each letter, so another process can resume a job whose process died.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import orjson
from sqlalchemy.engine import Connection

from streams.chunks import chunked
from streams.clock import to_us
from streams.dead_letters.job import Ending, Job, LetterOutcome, Taken
from streams.dead_letters.job_control import ClaimedJob
from streams.dead_letters.job_limits import Lag
from streams.dead_letters.plan import PlanItem
from streams.dead_letters.prediction import FAILING
from streams.dead_letters.preview import Preview
from streams.dead_letters.retries import LEASE
from streams.engine.installation import Installation
from streams.store import jobs, ledger, letter_changes, letter_replays, letters
from streams.store.jobs import ItemRow, ItemState, JobStatus
from streams.store.ledger import LedgerRow
from streams.store.letter_changes import RESTING
from streams.store.letters import REPLAYING, LetterRow

HEARTBEAT_EVERY_S = 0.5
SILENT_S = 120.0
"""The job pauses after so long without any outcome: there may be no worker."""
READ_AHEAD = 200

T = TypeVar("T")
Mark = tuple[int, ItemState, str | None]
"""Position, new state, and why the letter was skipped or how its outcome differs from the plan."""


def planned_job(
    installation: Installation, claimed: ClaimedJob, preview: Preview, lag: Lag | None = None
) -> Job:
    """Return the job that this process has claimed."""
    return Job(claimed.id, installation, PlannedLetters(installation, claimed, preview), claimed.options, lag)


class PlannedLetters:
    """`JobLetters` of a plan."""

    def __init__(self, installation: Installation, claimed: ClaimedJob, preview: Preview) -> None:
        """Preview each letter again right before it is requested."""
        self._installation = installation
        self._job = claimed
        self._preview = preview
        self._items: dict[str, ItemRow] = {}
        """Requested items by the id of their letter."""
        self._busy = BusyContacts(SILENT_S)
        self._last_heartbeat = -math.inf
        self._last_outcome = time.monotonic()
        self.asked: dict[str, int] = {}
        # Kept in memory: counting 100,000 rows at each look would take longer than replaying.
        self.counts: Counter[str] = Counter()
        self.first_failure = ""

    async def resume(self) -> AsyncIterator[Sequence[LetterRow]]:
        """See `JobLetters.resume`. A letter that is requested twice is done once."""
        items = await self._run(jobs.items, job=self._job.id, states=("asked",), limit=1 << 30)
        for part in chunked(items, READ_AHEAD):
            rows = await self._run(letters.get, ids=[item.letter_id for item in part])
            yield [row for row in rows if row.status == REPLAYING and row.job == self._job.id]
            self._track(part)
        self.counts = await self._counted()

    async def take(self, limit: int) -> AsyncIterator[Taken]:
        """See `JobLetters.take`. Letters that differ from the plan are skipped with the reason."""
        waiting = await self._run(
            jobs.items, job=self._job.id, states=("waiting",), limit=max(limit, READ_AHEAD)
        )
        chosen = in_order(waiting, self._items.values(), await self._busy_contacts(waiting), limit)
        if not chosen:
            return
        under_way = [*self.asked, *(item.letter_id for item in chosen)]
        would = await asyncio.to_thread(self._predict, under_way)
        taken = await self._run(self._take, items=chosen, would=would)
        if taken is None:
            return  # the job was paused, cancelled or taken over
        rows, marks = taken
        self._moved("waiting", marks)
        ids = {row.letter.id for row in rows}
        self._track([item for item in chosen if item.letter_id in ids])
        yield Taken(rows, len(chosen))

    async def note(self, outcomes: Sequence[LetterOutcome]) -> None:
        """See `JobLetters.note`. Each outcome is compared with the plan."""
        marks = await self._run(self._note, outcomes=outcomes)
        self._moved("asked", marks)
        self._last_outcome = time.monotonic()
        for outcome, (_, state, remark) in zip(outcomes, marks, strict=True):
            del self.asked[outcome.id]
            item = self._items.pop(outcome.id)
            if state == "resolved":
                self._busy.begin(item, self._last_outcome)
            elif state == "failed" and not self.first_failure:
                next_step = "mend the cause, then make a new plan (or resume)"
                self.first_failure = f"letter {outcome.id} {remark}; {next_step}"

    async def ended(self) -> Ending | None:
        """See `JobLetters.ended`."""
        now = time.monotonic()
        if now - self._last_heartbeat > HEARTBEAT_EVERY_S:
            self._last_heartbeat = now
            status = await self._run(self._beat)
            if status is None:
                return Ending("paused", "another process has taken it over")
            if status != "running":
                self.counts = await self._counted()
                return Ending(status, None)
        if not self.asked:
            self._last_outcome = now
        if now - self._last_outcome > SILENT_S:
            silent = Ending("paused", f"no outcome for {SILENT_S:.0f} s; is `leads worker` running?")
            await self.end(*silent)
            return silent
        return None

    async def end(self, status: JobStatus, message: str | None) -> None:
        """See `JobLetters.end`. A job that another process has taken over is left unchanged."""
        await self._run(
            jobs.set_status,
            job=self._job.id,
            status=status,
            message=message,
            now_us=self._now_us(),
            of=("running",),
            holder=self._job.holder,
        )

    # -------------------------------------------------------------------------------------------- in the store

    async def _run(self, unit: Callable[..., T], **arguments: Any) -> T:  # noqa: ANN401 - what the unit takes
        return await self._installation.database.run(partial(unit, **arguments))

    def _now_us(self) -> int:
        return to_us(self._installation.clock())

    def _beat(self, connection: Connection) -> JobStatus | None:
        return jobs.beat(connection, self._job.id, self._job.holder, self._now_us())

    async def _counted(self) -> Counter[str]:
        return Counter(await self._run(jobs.counts, job=self._job.id))

    async def _busy_contacts(self, waiting: Sequence[ItemRow]) -> set[str]:
        awaited = self._busy.awaited(waiting)
        ids = [event_id for event_ids in awaited.values() for event_id in event_ids]
        rows = await self._run(ledger.find, ids=ids) if ids else {}
        return self._busy.still_busy(awaited, rows, time.monotonic())

    def _predict(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {
            row.letter.id: predicted.essence
            for row, predicted in self._preview.of(ids, stale=self._job.stale)
        }

    def _take(
        self, connection: Connection, items: Sequence[ItemRow], would: Mapping[str, Mapping[str, Any]]
    ) -> tuple[list[LetterRow], list[Mark]] | None:
        if self._beat(connection) != "running":
            return None
        rows = {row.letter.id: row for row in letters.get(connection, [item.letter_id for item in items])}
        marks: list[Mark] = []
        taken: list[LetterRow] = []
        for item in items:
            row = rows.get(item.letter_id)
            reason = skip_reason(self._job.id, item, row, would.get(item.letter_id))
            if reason is None and row is not None:
                taken.append(row)
            marks.append((item.position, "asked" if reason is None else "skipped", reason))
        if self._job.stale is not None:
            taken = letter_changes.decide_stale(connection, taken, self._job.stale)
        ids = [row.letter.id for row in taken]
        again_us = self._now_us() + int(LEASE.total_seconds() * 1_000_000)
        letter_replays.mark_replaying(connection, ids, again_us)
        jobs.mark(connection, self._job.id, marks)
        letter_changes.release(connection, self._job.id, {item.letter_id for item in items} - set(ids))
        return taken, marks

    def _note(self, connection: Connection, outcomes: Sequence[LetterOutcome]) -> list[Mark]:
        marks = marks_of(connection, self._items, outcomes)
        jobs.mark(connection, self._job.id, marks)
        letter_changes.release(connection, self._job.id, [outcome.id for outcome in outcomes])
        return marks

    def _track(self, items: Sequence[ItemRow]) -> None:
        for item in items:
            self._items[item.letter_id] = item
            self.asked[item.letter_id] = item.planned["generation"]

    def _moved(self, state: ItemState, marks: Sequence[Mark]) -> None:
        self.counts[state] -= len(marks)
        self.counts.update(new for _, new, _ in marks)


# ------------------------------------------------------------------------------------------------- in the plan's order


class _Awaited(NamedTuple):
    ids: frozenset[bytes]
    since: float


class BusyContacts:
    """Contacts with downstream steps still running after their letter was resolved.

    Until these are done, the next letter about the contact would differ from its plan and be skipped.
    """

    def __init__(self, patience_s: float) -> None:
        """Stop waiting for downstream steps after so many seconds."""
        self._patience_s = patience_s
        self._awaited: dict[str, _Awaited] = {}

    def begin(self, item: ItemRow, now: float) -> None:
        """Note that a letter was resolved at this moment (seconds)."""
        contact, ids = item.planned["contact"], item.planned["follows"]
        if contact is not None and ids:
            self._awaited[contact] = _Awaited(
                frozenset(bytes.fromhex(each.replace("-", "")) for each in ids), now
            )

    def awaited(self, waiting: Iterable[ItemRow]) -> dict[str, frozenset[bytes]]:
        """Return the busy contacts of these letters, each with the ids of the awaited events in the ledger."""
        contacts = {item.planned["contact"] for item in waiting} & self._awaited.keys()
        return {contact: self._awaited[contact].ids for contact in contacts}

    def still_busy(self, contacts: Iterable[str], rows: Mapping[bytes, LedgerRow], now: float) -> set[str]:
        """Return which of these contacts are still busy, by these rows of the ledger."""
        return {contact for contact in contacts if self._is_busy(contact, rows, now)}

    def _is_busy(self, contact: str, rows: Mapping[bytes, LedgerRow], now: float) -> bool:
        awaited = self._awaited[contact]
        ended = [rows[event_id] for event_id in awaited.ids if event_id in rows]
        has_failed = any(not row.is_done for row in ended)  # no step runs after a failed one
        if has_failed or len(ended) == len(awaited.ids) or now - awaited.since > self._patience_s:
            del self._awaited[contact]
            return False
        return True


def in_order(
    waiting: Sequence[ItemRow], asked: Iterable[ItemRow], busy: Iterable[str], limit: int
) -> list[ItemRow]:
    """Return at most `limit` letters to request, in the plan's order.

    Letters whose action takes an owner's turn are requested one at a time. A letter waits until all downstream steps of
    an earlier letter about its contact are done: requests keep their order only within a partition, and two leads of
    one person may be in two partitions.
    """
    under_way = list(asked)
    is_turn_taken = any(_takes_turn(item) for item in under_way)
    contacts = {*busy, *(contact for item in under_way if (contact := _contact_kept_busy(item)) is not None)}
    chosen: list[ItemRow] = []
    for item in waiting:
        if len(chosen) == limit:
            break
        if _takes_turn(item):
            if is_turn_taken:
                break
            is_turn_taken = True
        if item.planned["contact"] in contacts:
            continue
        chosen.append(item)
        if (contact := _contact_kept_busy(item)) is not None:
            contacts.add(contact)
    return chosen


def _takes_turn(item: ItemRow) -> bool:
    return bool(item.planned["would"].get("is_new_owner"))


def _contact_kept_busy(item: ItemRow) -> str | None:
    contact: str | None = item.planned["contact"]
    return contact if item.planned["follows"] else None


# ------------------------------------------------------------------------------------------------- held to the plan


def skip_reason(
    job: str, item: ItemRow, row: LetterRow | None, would: Mapping[str, Any] | None
) -> str | None:
    """Return why a letter is skipped; None: it is requested. `would` is the essence of its current prediction."""
    if row is None or would is None:
        return "it does not exist any more"
    if row.job != job:
        return "this job has released it"
    if row.status not in RESTING:
        return f"it is {row.status} now"
    planned = PlanItem.model_validate(item.planned)
    changed = planned.changed(row)
    if changed is None and would != planned.would:
        changed = f"its replay would end differently now: {difference(planned.would, would)}"
    return changed


def difference(planned: Mapping[str, Any], would: Mapping[str, Any]) -> str:
    """Return how two predictions differ, downstream steps included."""
    before, now = dict(_facts(planned)), dict(_facts(would))
    names = [name for name in before | now if before.get(name) != now.get(name)]
    return ", ".join(f"{name} {before.get(name, '-')} -> {now.get(name, '-')}" for name in names)


def _facts(essence: Mapping[str, Any], of: str = "") -> Iterator[tuple[str, str]]:
    for name, value in essence.items():
        if name == "then":
            for each in value:
                yield from _facts(each, f"{each['action']} ")
        elif name == "calls":
            calls = (f"{call['key'].partition(':')[0]} {call['state']}" for call in value)
            yield f"{of}calls", ", ".join(calls)
        elif name != "action":
            yield f"{of}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def marks_of(
    connection: Connection, items: Mapping[str, ItemRow], outcomes: Sequence[LetterOutcome]
) -> list[Mark]:
    """Return a mark for each of these outcomes, in their order, after comparing it with the plan."""
    emitted = _emitted(connection, [items[outcome.id] for outcome in outcomes])
    return [
        (items[each.id].position, each.state, _remark(items[each.id].planned, each, emitted.get(each.id)))
        for each in outcomes
    ]


class _Emitted(NamedTuple):
    """Event of an action, as the ledger holds it."""

    event: str | None
    body: dict[str, Any]


def _emitted(connection: Connection, items: Sequence[ItemRow]) -> dict[str, _Emitted]:
    by_result = {
        bytes.fromhex(item.planned["result_id"].replace("-", "")): item.letter_id
        for item in items
        if item.planned["result_id"] is not None
    }
    rows = ledger.find(connection, by_result)
    return {
        by_result[key]: _Emitted(row.result_type, orjson.loads(row.result or b"{}"))
        for key, row in rows.items()
        if row.is_done
    }


def _remark(planned: Mapping[str, Any], outcome: LetterOutcome, emitted: _Emitted | None) -> str | None:
    """Return why a letter failed, or how its outcome differs from the plan; None: it ended as planned."""
    would = planned["would"]
    if outcome.state == "failed":
        is_planned = would["verdict"] in FAILING and would.get("code") == outcome.code
        return f"failed again: {outcome.code}" + ("" if is_planned else ", not as planned")
    expected = {"would-resolve": "resolved", "noop": "noop"}.get(would["verdict"])
    if expected is None or emitted is None:
        return f"{outcome.state}, which the plan could not predict" if expected is None else None
    predicted = [expected, would.get("event"), would.get("outcome")]
    actual = [outcome.state, emitted.event, emitted.body.get("outcome")]
    if expected == "resolved":
        # An owner depends on who else takes turns, so a different one is noted and is no reason to skip a letter.
        owner = None if planned["owner"] is None else (emitted.body.get("owner") or {}).get("id")
        predicted += [_listed(would.get("changes")), planned["owner"]]
        actual += [_listed(emitted.body.get("changed")), owner]
    return None if actual == predicted else f"planned {_joined(predicted)}, got {_joined(actual)}"


def _listed(names: Sequence[str] | None) -> str | None:
    return f"({', '.join(sorted(names))})" if names else None


def _joined(facts: Sequence[object]) -> str:
    return " ".join(str(each) for each in facts if each is not None)
