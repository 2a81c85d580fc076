"""Creates, resumes, pauses and cancels replay jobs, audited first; a letter belongs to one job at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, NamedTuple
from uuid import uuid4

from sqlalchemy.engine import Connection

from streams.clock import to_us
from streams.dead_letters.audit import AuditedCommand, Entry
from streams.dead_letters.job_limits import JobOptions
from streams.dead_letters.letter_commands import LetterCommands
from streams.dead_letters.plan import Plan, PlanItem, Stale
from streams.store import jobs, letter_changes
from streams.store.jobs import ItemRow, JobRow, JobStatus

HEARTBEAT_WITHIN_US = 10_000_000
"""A job counts as running while its process has sent a heartbeat within this time."""


class JobError(RuntimeError):
    """A job cannot be resumed, paused or cancelled; the message is a sentence."""


class ClaimedJob(NamedTuple):
    """A job that this process has claimed."""

    id: str
    holder: str
    """Id of the process that works on it from now on."""
    options: JobOptions
    stale: Stale | None
    """The plan's decision about events that are too old for their action; None: as the action declares."""
    letters: int


async def create(commands: LetterCommands, plan: Plan, options: JobOptions, reason: str) -> ClaimedJob:
    """Create a job and claim its letters. Raise `AuditError`, and as the store does."""
    job, holder = str(uuid4()), str(uuid4())
    kept = options.model_dump(mode="json") | {"stale": plan.stale}
    details = {"plan_sha256": plan.sha256, "letters": len(plan.items), "options": kept}
    await commands.audit.write(reason, [Entry("apply", job, details)])
    now_us = to_us(commands.installation.clock())
    row = JobRow(
        job,
        "running",
        reason,
        commands.audit.author,
        kept,
        plan.sha256,
        None,
        now_us,
        now_us,
        holder,
    )
    await commands.installation.database.run(
        partial(insert, row=row, items=plan.items, is_forced=options.is_forced)
    )
    return ClaimedJob(job, holder, options, plan.stale, len(plan.items))


async def resume(commands: LetterCommands, job: JobRow, reason: str) -> ClaimedJob:
    """Claim a job that is paused or stopped, or whose process died. Raise `JobError`."""
    now_us, holder = to_us(commands.installation.clock()), str(uuid4())
    refused = JobError(f"job {job.id} runs already, or has ended; pause it first if it runs")
    if job.status not in jobs.UNFINISHED or (
        job.status == "running" and now_us - job.changed_at < HEARTBEAT_WITHIN_US
    ):
        raise refused
    await commands.audit.write(reason, [Entry("resume", job.id)])
    take = partial(
        jobs.take_over, job=job.id, holder=holder, now_us=now_us, silent_since_us=now_us - HEARTBEAT_WITHIN_US
    )
    if not await commands.installation.database.run(take):
        raise refused
    counted = await commands.installation.database.run(partial(jobs.counts, job=job.id))
    kept = dict(job.options)
    stale = kept.pop("stale")
    return ClaimedJob(job.id, holder, JobOptions.model_validate(kept), stale, sum(counted.values()))


def insert(connection: Connection, row: JobRow, items: Sequence[PlanItem], *, is_forced: bool) -> None:
    """Write a job and claim its letters; letters that it may not have are skipped with the reason."""
    claimed = letter_changes.claim(connection, [item.id for item in items], row.id)
    rows = [
        _item(number, item, is_claimed=item.id in claimed, is_forced=is_forced)
        for number, item in enumerate(items)
    ]
    jobs.create(connection, row, rows)
    letter_changes.release(connection, row.id, [each.letter_id for each in rows if each.state == "skipped"])


def _item(number: int, item: PlanItem, *, is_claimed: bool, is_forced: bool) -> ItemRow:
    reason = None if is_claimed else "it is not here, not open, is being replayed, or belongs to another job"
    if reason is None and not is_forced:
        reason = item.refusal
    return ItemRow(number, item.id, "waiting" if reason is None else "skipped", item.model_dump(), reason)


async def control(
    commands: LetterCommands, job: JobRow, status: Literal["paused", "cancelled"], reason: str
) -> None:
    """Pause or cancel a job; a cancelled one releases its letters. Raise `JobError` when its status forbids it."""
    of: dict[str, tuple[JobStatus, ...]] = {"paused": ("running",), "cancelled": jobs.UNFINISHED}
    names: dict[str, AuditedCommand] = {"paused": "pause", "cancelled": "cancel"}
    await commands.audit.write(reason, [Entry(names[status], job.id)])
    now_us = to_us(commands.installation.clock())

    def change(connection: Connection) -> bool:
        is_changed = jobs.set_status(connection, job.id, status, None, now_us, of=of[status])
        if is_changed and status == "cancelled":
            waiting = jobs.items(connection, job.id, ("waiting",), 1 << 30)
            jobs.mark(
                connection, job.id, [(item.position, "skipped", "the job was cancelled") for item in waiting]
            )
            letter_changes.release(connection, job.id)
        return is_changed

    if not await commands.installation.database.run(change):
        raise JobError(f"job {job.id} is {job.status}, so it cannot be {status}")
