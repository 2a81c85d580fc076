"""The letters of a plan, as a job asks for them: in the plan's order, and only while they are as it says.

How far each letter is stands in the tables of jobs, so a job whose process died is gone on with by another.
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

BEAT_EVERY_S = 0.5
SILENT_S = 120.0
"""Without any outcome for so long, the job pauses: there may be no worker."""
READ_AHEAD = 200

T = TypeVar("T")
Mark = tuple[int, ItemState, str | None]
"""Position, new state, and why it was skipped or in what it came otherwise than planned."""


def planned_job(
    installation: Installation, claimed: ClaimedJob, preview: Preview, lag: Lag | None = None
) -> Job:
    """Return the job that this process goes on with."""
    return Job(claimed.id, installation, PlannedLetters(installation, claimed, preview), claimed.options, lag)


class PlannedLetters:
    """`JobLetters` of a plan."""

    def __init__(self, installation: Installation, claimed: ClaimedJob, preview: Preview) -> None:
        """Each letter is previewed once more right before it is asked for."""
        self._installation = installation
        self._job = claimed
        self._preview = preview
        self._items: dict[str, ItemRow] = {}
        """Those asked for, by id of the letter."""
        self._busy = BusyContacts(SILENT_S)
        self._beaten = -math.inf
        self._heard = time.monotonic()
        self.asked: dict[str, int] = {}
        # Kept here: counting a hundred thousand rows at each look would take longer than replaying.
        self.counts: Counter[str] = Counter()
        self.first_failure = ""

    async def resume(self) -> AsyncIterator[Sequence[LetterRow]]:
        """See `JobLetters.resume`. Asking twice does nothing twice."""
        items = await self._run(jobs.items, job=self._job.id, states=("asked",), limit=1 << 30)
        for part in chunked(items, READ_AHEAD):
            rows = await self._run(letters.get, ids=[item.letter_id for item in part])
            yield [row for row in rows if row.status == REPLAYING and row.job == self._job.id]
            self._ask_for(part)
        self.counts = await self._counted()

    async def take(self, most: int) -> AsyncIterator[Taken]:
        """See `JobLetters.take`. Letters that are not any more as planned are skipped, and say why."""
        waiting = await self._run(
            jobs.items, job=self._job.id, states=("waiting",), limit=max(most, READ_AHEAD)
        )
        chosen = in_order(waiting, self._items.values(), await self._busy_about(waiting), most)
        if not chosen:
            return
        under_way = [*self.asked, *(item.letter_id for item in chosen)]
        would = await asyncio.to_thread(self._would, under_way)
        taken = await self._run(self._take, items=chosen, would=would)
        if taken is None:
            return  # paused, cancelled or taken over meanwhile
        rows, marks = taken
        self._moved("waiting", marks)
        ids = {row.letter.id for row in rows}
        self._ask_for([item for item in chosen if item.letter_id in ids])
        yield Taken(rows, len(chosen))

    async def note(self, outcomes: Sequence[LetterOutcome]) -> None:
        """See `JobLetters.note`. Each outcome is compared with the plan."""
        marks = await self._run(self._note, outcomes=outcomes)
        self._moved("asked", marks)
        self._heard = time.monotonic()
        for outcome, (_, state, remark) in zip(outcomes, marks, strict=True):
            del self.asked[outcome.id]
            item = self._items.pop(outcome.id)
            if state == "resolved":
                self._busy.begin(item, self._heard)
            elif state == "failed" and not self.first_failure:
                next_step = "mend the cause, then make a new plan (or resume)"
                self.first_failure = f"letter {outcome.id} {remark}; {next_step}"

    async def ended(self) -> Ending | None:
        """See `JobLetters.ended`."""
        now = time.monotonic()
        if now - self._beaten > BEAT_EVERY_S:
            self._beaten = now
            status = await self._run(self._beat)
            if status is None:
                return Ending("paused", "another process goes on with it")
            if status != "running":
                self.counts = await self._counted()
                return Ending(status, None)
        if not self.asked:
            self._heard = now
        if now - self._heard > SILENT_S:
            silent = Ending("paused", f"no outcome for {SILENT_S:.0f} s; is `leads worker` running?")
            await self.end(*silent)
            return silent
        return None

    async def end(self, status: JobStatus, message: str | None) -> None:
        """See `JobLetters.end`. A job that another process has taken over stays as it is."""
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

    async def _run(self, unit: Callable[..., T], **about: Any) -> T:  # noqa: ANN401 - what the unit takes
        return await self._installation.database.run(partial(unit, **about))

    def _now_us(self) -> int:
        return to_us(self._installation.clock())

    def _beat(self, connection: Connection) -> JobStatus | None:
        return jobs.beat(connection, self._job.id, self._job.holder, self._now_us())

    async def _counted(self) -> Counter[str]:
        return Counter(await self._run(jobs.counts, job=self._job.id))

    async def _busy_about(self, waiting: Sequence[ItemRow]) -> set[str]:
        about = self._busy.about(waiting)
        ids = [each for follows in about.values() for each in follows]
        rows = await self._run(ledger.find, ids=ids) if ids else {}
        return self._busy.still(about, rows, time.monotonic())

    def _would(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {row.letter.id: found.essence for row, found in self._preview.of(ids, stale=self._job.stale)}

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

    def _ask_for(self, items: Sequence[ItemRow]) -> None:
        for item in items:
            self._items[item.letter_id] = item
            self.asked[item.letter_id] = item.planned["generation"]

    def _moved(self, state: ItemState, marks: Sequence[Mark]) -> None:
        self.counts[state] -= len(marks)
        self.counts.update(new for _, new, _ in marks)


# ------------------------------------------------------------------------------------------------- in the plan's order


class _Flow(NamedTuple):
    ids: frozenset[bytes]
    since: float


class BusyContacts:
    """Contacts with downstream steps still running after their letter was resolved.

    Until these are done, what a letter about the contact comes to is not what the plan says: it would be skipped.
    """

    def __init__(self, patience_s: float) -> None:
        """What has not come after so long is waited for no more."""
        self._patience_s = patience_s
        self._flows: dict[str, _Flow] = {}

    def begin(self, item: ItemRow, now: float) -> None:
        """Note that a letter has succeeded at this moment (seconds)."""
        contact, ids = item.planned["contact"], item.planned["follows"]
        if contact is not None and ids:
            self._flows[contact] = _Flow(frozenset(bytes.fromhex(each.replace("-", "")) for each in ids), now)

    def about(self, waiting: Iterable[ItemRow]) -> dict[str, frozenset[bytes]]:
        """Return the contacts of these letters about which something follows, and the ledger's ids of that."""
        contacts = {item.planned["contact"] for item in waiting} & self._flows.keys()
        return {contact: self._flows[contact].ids for contact in contacts}

    def still(self, contacts: Iterable[str], rows: Mapping[bytes, LedgerRow], now: float) -> set[str]:
        """Return those of these contacts that are busy still, by these rows of the ledger."""
        return {contact for contact in contacts if self._goes_on(contact, rows, now)}

    def _goes_on(self, contact: str, rows: Mapping[bytes, LedgerRow], now: float) -> bool:
        flow = self._flows[contact]
        found = [rows[each] for each in flow.ids if each in rows]
        has_failed = any(not row.is_done for row in found)  # what would come after that does not
        if has_failed or len(found) == len(flow.ids) or now - flow.since > self._patience_s:
            del self._flows[contact]
            return False
        return True


def in_order(
    waiting: Sequence[ItemRow], asked: Iterable[ItemRow], busy: Iterable[str], most: int
) -> list[ItemRow]:
    """Return at most so many letters to ask for, in the plan's order.

    One at a time are letters whose action takes an owner's turn. A letter about a contact waits until all that follows
    of an earlier one about the same is done: requests are in order within a partition alone, and two leads of one
    person may come in two of them.
    """
    under_way = list(asked)
    is_turn_taken = any(_takes_turn(item) for item in under_way)
    contacts = {*busy, *(contact for item in under_way if (contact := _followed(item)) is not None)}
    chosen: list[ItemRow] = []
    for item in waiting:
        if len(chosen) == most:
            break
        if _takes_turn(item):
            if is_turn_taken:
                break
            is_turn_taken = True
        if item.planned["contact"] in contacts:
            continue
        chosen.append(item)
        if (contact := _followed(item)) is not None:
            contacts.add(contact)
    return chosen


def _takes_turn(item: ItemRow) -> bool:
    return bool(item.planned["would"].get("is_new_owner"))


def _followed(item: ItemRow) -> str | None:
    contact: str | None = item.planned["contact"]
    return contact if item.planned["follows"] else None


# ------------------------------------------------------------------------------------------------- held to the plan


def skip_reason(
    job: str, item: ItemRow, row: LetterRow | None, would: Mapping[str, Any] | None
) -> str | None:
    """Return why a letter is skipped; None: it is asked for. `would` is the essence of its prediction as of now."""
    if row is None or would is None:
        return "it is not there any more"
    if row.job != job:
        return "this job has it in hand no more"
    if row.status not in RESTING:
        return f"it is {row.status} now"
    planned = PlanItem.model_validate(item.planned)
    changed = planned.changed(row)
    if changed is None and would != planned.would:
        changed = f"its replay would come to something else now: {difference(planned.would, would)}"
    return changed


def difference(planned: Mapping[str, Any], would: Mapping[str, Any]) -> str:
    """Return in what two predictions differ, what follows included."""
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
    """Return what is noted of these outcomes, in their order: each is compared with what the plan says."""
    stated = _stated(connection, [items[outcome.id] for outcome in outcomes])
    return [
        (items[each.id].position, each.state, _remark(items[each.id].planned, each, stated.get(each.id)))
        for each in outcomes
    ]


class _Stated(NamedTuple):
    """The event that an action stated, as the ledger keeps it."""

    event: str | None
    body: dict[str, Any]


def _stated(connection: Connection, items: Sequence[ItemRow]) -> dict[str, _Stated]:
    by_result = {
        bytes.fromhex(item.planned["result_id"].replace("-", "")): item.letter_id
        for item in items
        if item.planned["result_id"] is not None
    }
    rows = ledger.find(connection, by_result)
    return {
        by_result[key]: _Stated(row.result_type, orjson.loads(row.result or b"{}"))
        for key, row in rows.items()
        if row.is_done
    }


def _remark(planned: Mapping[str, Any], outcome: LetterOutcome, stated: _Stated | None) -> str | None:
    """Return why a letter failed, or in what it came otherwise than planned; None: it came as planned."""
    would = planned["would"]
    if outcome.state == "failed":
        is_planned = would["verdict"] in FAILING and would.get("code") == outcome.code
        return f"failed again: {outcome.code}" + ("" if is_planned else ", not as planned")
    expected = {"would-resolve": "resolved", "noop": "noop"}.get(would["verdict"])
    if expected is None or stated is None:
        return f"{outcome.state}, of which the plan could not say" if expected is None else None
    thought = [expected, would.get("event"), would.get("outcome")]
    came = [outcome.state, stated.event, stated.body.get("outcome")]
    if expected == "resolved":
        # Whose turn it is depends on who else takes one: noted, and no reason to skip a letter.
        owner = None if planned["owner"] is None else (stated.body.get("owner") or {}).get("id")
        thought += [_listed(would.get("changes")), planned["owner"]]
        came += [_listed(stated.body.get("changed")), owner]
    return None if came == thought else f"planned {_joined(thought)}, came {_joined(came)}"


def _listed(names: Sequence[str] | None) -> str | None:
    return f"({', '.join(sorted(names))})" if names else None


def _joined(facts: Sequence[object]) -> str:
    return " ".join(str(each) for each in facts if each is not None)
