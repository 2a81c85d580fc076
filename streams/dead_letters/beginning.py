"""This file begins replay jobs, pauses and ends them: audited first, and a letter belongs to one of them at a time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy.engine import Connection

from streams.dead_letters.audit import Act, Entry
from streams.dead_letters.desk import Desk
from streams.dead_letters.job import Options
from streams.dead_letters.plan import Plan, PlanItem
from streams.dead_letters.prediction import FAILING
from streams.processing.work import to_us
from streams.store import jobs, letter_changes
from streams.store.jobs import ItemRow, JobRow, JobStatus

MOST_GENERATIONS = 10
"""A letter that has failed so often is asked for only when somebody insists."""
RUNS_US = 10_000_000
"""A job whose process was heard of within this time runs."""


class JobError(RuntimeError):
    """A job cannot be begun or go on; the message is a sentence."""


class Begun(NamedTuple):
    """A job that a process is to work on."""

    id: str
    options: Options
    letters: int


async def begin(desk: Desk, plan: Plan, options: Options, reason: str) -> Begun:
    """Write a job down and take its letters. Raises `AuditError`, and as the store does."""
    job = str(uuid4())
    chosen = replace(options, stale=plan.stale)
    details = {"plan_sha256": plan.sha256, "letters": len(plan.items), "options": chosen.as_data()}
    await desk.audit.write(reason, [Entry("apply", job, details)])
    now_us, author = to_us(desk.clock()), desk.audit.author
    await desk.database.run(
        partial(write_down, plan=plan, options=chosen, reason=reason, author=author, job=job, now_us=now_us)
    )
    return Begun(job, chosen, len(plan.items))


async def go_on(desk: Desk, job: JobRow, reason: str) -> Begun:
    """Let a job run again that was paused, that stopped, or whose process died. Raises `JobError`."""
    if job.status == "running" and to_us(desk.clock()) - job.changed_at < RUNS_US:
        raise JobError(f"job {job.id} runs already; pausing lets it rest")
    await control(desk, job, "running", reason)
    counted = await desk.database.run(partial(jobs.counts, job=job.id))
    return Begun(job.id, Options.from_data(job.options), sum(counted.values()))


def write_down(
    connection: Connection, plan: Plan, options: Options, *, reason: str, author: str, job: str, now_us: int
) -> None:
    """Write a job down and take its letters. Raises `JobError` when none is left to take."""
    mine = letter_changes.claim(connection, [item.id for item in plan.items], job)
    rows = [_item(number, item, options, is_mine=item.id in mine) for number, item in enumerate(plan.items)]
    jobs.create(
        connection,
        JobRow(job, "running", reason, author, options.as_data(), plan.sha256, None, now_us, now_us),
        rows,
    )
    letter_changes.release(connection, job, [row.letter_id for row in rows if row.state == "skipped"])


def _item(number: int, item: PlanItem, options: Options, *, is_mine: bool) -> ItemRow:
    why = None if is_mine else "it is not open, is being replayed, or belongs to another job"
    if why is None and not options.is_forced:
        why = _refusal(item)
    return ItemRow(number, item.id, "waiting" if why is None else "skipped", item.as_data(), why)


def _refusal(item: PlanItem) -> str | None:
    if item.essence["verdict"] in FAILING:
        return f"it would fail again: {item.essence.get('code')}"
    if item.generation >= MOST_GENERATIONS:
        return f"it has failed {item.generation + 1} times; --force asks for it all the same"
    return None


async def control(desk: Desk, job: JobRow, status: JobStatus, reason: str) -> None:
    """Pause, cancel or let go on; a cancelled job lets its letters go. Raises `JobError` when it cannot be."""
    of: dict[JobStatus, tuple[JobStatus, ...]] = {
        "paused": ("running",),
        "cancelled": jobs.UNFINISHED,
        "running": jobs.UNFINISHED,
    }
    acts: dict[JobStatus, Act] = {"paused": "pause", "cancelled": "cancel", "running": "resume"}
    await desk.audit.write(reason, [Entry(acts[status], job.id)])
    now_us = to_us(desk.clock())

    def change(connection: Connection) -> bool:
        is_changed = jobs.set_status(connection, job.id, status, None, now_us, of=of[status])
        if is_changed and status == "cancelled":
            waiting = jobs.items(connection, job.id, ("waiting",), 1 << 30)
            jobs.mark(
                connection, job.id, [(item.position, "skipped", "the job was cancelled") for item in waiting]
            )
            letter_changes.release(connection, job.id)
        return is_changed

    if not await desk.database.run(change):
        raise JobError(f"job {job.id} is {job.status}, so it cannot be {status}")
