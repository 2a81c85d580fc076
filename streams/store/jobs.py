"""Store replay jobs, and the state of each of their letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store.bulk import insert_many
from streams.store.schema import job_items, jobs, letters

JobStatus = Literal["running", "paused", "stopped", "cancelled", "done"]
UNFINISHED: tuple[JobStatus, ...] = ("running", "paused", "stopped")
"""Jobs that can continue; they hold their letters."""
ItemState = Literal["waiting", "asked", "resolved", "noop", "failed", "skipped"]
ENDED: tuple[ItemState, ...] = ("resolved", "noop", "failed", "skipped")
"""Letters with an outcome, or skipped."""
_ITEM = job_items.c
_JOB = jobs.c


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job."""

    id: str
    status: JobStatus
    reason: str
    author: str
    options: dict[str, Any]
    plan_sha256: str
    message: str | None
    created_at: int
    changed_at: int
    """Last sign of life of its process, or last change."""
    holder: str
    """The process that works on it, or the last one that did."""


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One letter of a job."""

    position: int
    letter_id: str
    state: ItemState
    planned: dict[str, Any]
    """The plan's data about it."""
    found: str | None = None
    """Why it was skipped, or how its outcome differs from the plan."""


def create(connection: Connection, row: JobRow, items: Iterable[ItemRow]) -> None:
    """Write a job and its letters."""
    connection.execute(
        sa.insert(jobs).values(
            id=row.id,
            status=row.status,
            reason=row.reason,
            author=row.author,
            options=orjson.dumps(row.options),
            plan_sha256=row.plan_sha256,
            message=row.message,
            created_at=row.created_at,
            changed_at=row.changed_at,
            holder=row.holder,
        )
    )
    columns = ("job", "position", "letter_id", "state", "planned", "found")
    values = [
        (row.id, item.position, item.letter_id, item.state, orjson.dumps(item.planned), item.found)
        for item in items
    ]
    insert_many(connection, job_items, columns, values)


def get(connection: Connection, job: str) -> JobRow | None:
    """Return the job whose id begins with `job`; None when no job or several match."""
    query = sa.select(jobs).where(_JOB.id.startswith(job, autoescape=True)).limit(2)
    matches = [_job(row) for row in connection.execute(query)]
    return matches[0] if len(matches) == 1 else None


def latest(connection: Connection, limit: int) -> list[JobRow]:
    """Return jobs, the newest first."""
    query = sa.select(jobs).order_by(_JOB.created_at.desc()).limit(limit)
    return [_job(row) for row in connection.execute(query)]


def counts(connection: Connection, job: str) -> dict[str, int]:
    """Return the number of its letters by state."""
    query = sa.select(_ITEM.state, sa.func.count()).where(_ITEM.job == job).group_by(_ITEM.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def items(connection: Connection, job: str, states: Sequence[ItemState], limit: int) -> list[ItemRow]:
    """Return letters of a job in these states, in the plan's order."""
    query = (
        sa.select(_ITEM.position, _ITEM.letter_id, _ITEM.state, _ITEM.planned, _ITEM.found)
        .where(_ITEM.job == job, _ITEM.state.in_(states))
        .order_by(_ITEM.position)
        .limit(limit)
    )
    return [
        ItemRow(at, letter_id, state, orjson.loads(planned), found)
        for at, letter_id, state, planned, found in connection.execute(query)
    ]


def mark(connection: Connection, job: str, changed: Sequence[tuple[int, ItemState, str | None]]) -> None:
    """Write the state of letters: (position, state, found)."""
    statement = (
        sa.update(job_items)
        .where(_ITEM.job == job, _ITEM.position == sa.bindparam("b_position"))
        .values(state=sa.bindparam("b_state"), found=sa.bindparam("b_found"))
    )
    values = [{"b_position": at, "b_state": state, "b_found": found} for at, state, found in changed]
    if values:
        connection.execute(statement, values)


def beat(connection: Connection, job: str, holder: str, now_us: int) -> JobStatus | None:
    """Write a sign of life of the job's process. Return the status, which somebody else may have changed.

    Return None when another process has taken the job over.
    """
    is_held = (_JOB.id == job) & (_JOB.holder == holder)
    connection.execute(sa.update(jobs).where(is_held).values(changed_at=now_us))
    status: JobStatus | None = connection.execute(sa.select(_JOB.status).where(is_held)).scalar_one_or_none()
    return status


def take_over(connection: Connection, job: str, holder: str, now_us: int, silent_since_us: int) -> bool:
    """Let `holder` take a job that is not running, or whose process is silent since then; return whether it got it."""
    is_free = _JOB.status.in_(("paused", "stopped")) | (
        (_JOB.status == "running") & (_JOB.changed_at < silent_since_us)
    )
    taken = sa.update(jobs).where(_JOB.id == job, is_free)
    values = {"status": "running", "message": None, "changed_at": now_us, "holder": holder}
    return connection.execute(taken.values(values)).rowcount == 1


def set_status(
    connection: Connection,
    job: str,
    status: JobStatus,
    message: str | None,
    now_us: int,
    *,
    of: Sequence[JobStatus],
    holder: str | None = None,
) -> bool:
    """Change the status if it is one of `of`, and `holder` (if given) holds the job; return whether it changed."""
    change = sa.update(jobs).where(_JOB.id == job, _JOB.status.in_(of))
    if holder is not None:
        change = change.where(_JOB.holder == holder)
    return connection.execute(change.values(status=status, message=message, changed_at=now_us)).rowcount == 1


def prune(connection: Connection, before_us: int, limit: int) -> int:
    """Delete at most `limit` jobs unchanged since then, and their items; return how many.

    An unfinished job releases its letters.
    """
    old = sa.select(_JOB.id).where(_JOB.changed_at < before_us).order_by(_JOB.changed_at).limit(limit)
    ids = list(connection.execute(old.with_for_update(skip_locked=True)).scalars())
    if ids:
        connection.execute(sa.update(letters).where(letters.c.job.in_(ids)).values(job=None))
        connection.execute(sa.delete(job_items).where(_ITEM.job.in_(ids)))
        connection.execute(sa.delete(jobs).where(_JOB.id.in_(ids)))
    return len(ids)


def _job(row: Any) -> JobRow:  # noqa: ANN401 - SQLAlchemy's Row
    return JobRow(
        row.id,
        row.status,
        row.reason,
        row.author,
        orjson.loads(row.options),
        row.plan_sha256,
        row.message,
        row.created_at,
        row.changed_at,
        row.holder,
    )
