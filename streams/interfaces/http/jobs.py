"""This file answers /v1/dead-letter-plans and /v1/dead-letter-jobs: preview many, and carry it out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from io import BytesIO
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from streams.dead_letters.job_control import control, create, resume
from streams.dead_letters.job_limits import Options
from streams.dead_letters.plan import PlanWriter, parse_plan
from streams.dead_letters.plan_item import Stale
from streams.dead_letters.selection import Selection, select
from streams.engine.failures import app_version
from streams.interfaces.http.app_state import AppState, Operator, State, Viewer
from streams.interfaces.http.commands import NDJSON
from streams.interfaces.http.letters import MOST
from streams.interfaces.http.problems import ProblemError
from streams.store import jobs
from streams.store.jobs import JobRow
from topics.envelope import timestamp

router = APIRouter(prefix="/v1", tags=["plans and jobs"])
_NAMED: dict[str, Literal["paused", "cancelled"]] = {"pause": "paused", "cancel": "cancelled"}


class Planned(BaseModel):
    """Which letters are to be planned."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(default=[], max_length=MOST)
    select: Selection | None = None
    stale: Stale | None = None


class How(BaseModel):
    """How a job goes about it; see `streams.dead_letters.job_limits.Options`."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500)
    rate: float = Field(default=100.0, gt=0, le=1_000_000)
    max_in_flight: int = Field(default=200, ge=1, le=1_000_000)
    canary: list[Annotated[int, Field(ge=1, le=1_000_000)]] = [1, 10, 100]
    stop_if_fail: float = Field(default=5.0, ge=0, le=100)
    yield_to_lag: int = Field(default=1000, ge=0, le=1_000_000_000)
    force: bool = False


class Why(BaseModel):
    """Why a job is paused, cancelled or let go on."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500)


@router.post("/dead-letter-plans")
async def plan(wanted: Planned, at: State, _: Viewer) -> Response:
    """Say what replays would do, letter by letter: a plan as NDJSON, which a job takes as its body."""
    if bool(wanted.ids) == (wanted.select is not None):
        raise ProblemError(422, "Which letters?", "send `ids`, or `select`")
    ids = wanted.ids
    if wanted.select is not None:
        ids = await at.database.run(partial(select, condition=wanted.select.condition(at.clock())))
    content = await asyncio.to_thread(_plan, at, ids, wanted)
    return Response(content, media_type=NDJSON)


def _plan(at: AppState, ids: Sequence[str], wanted: Planned) -> bytes:
    file = BytesIO()
    selector = "ids" if wanted.select is None else wanted.select.as_options()
    writer = PlanWriter(
        file, made=timestamp(at.clock()), app_version=app_version(), selector=selector, stale=wanted.stale
    )
    for row, found in at.preview.of(ids, stale=wanted.stale):
        writer.add(row, found)
    writer.end()
    return file.getvalue()


@router.post("/dead-letter-jobs", status_code=202)
async def apply(
    request: Request, response: Response, at: State, user: Operator, how: Annotated[How, Query()]
) -> dict[str, Any]:
    """Carry out the plan that is the body; the job runs in this server, and pauses when it stops."""
    found = parse_plan("the body", await request.body())
    options = Options(
        rate=how.rate,
        max_in_flight=how.max_in_flight,
        canary=tuple(how.canary),
        stop_if_fail=how.stop_if_fail,
        yield_to_lag=how.yield_to_lag,
        is_forced=how.force,
    )
    begun = await create(at.desk(user.name), found, options, how.reason)
    at.work_on(begun)
    response.headers["Location"] = f"/v1/dead-letter-jobs/{begun.id}"
    return {"id": begun.id, "letters": begun.letters}


@router.get("/dead-letter-jobs")
async def list_jobs(
    at: State, _: Viewer, limit: Annotated[int, Query(ge=1, le=MOST)] = 20
) -> list[dict[str, Any]]:
    """List jobs, the newest first."""
    return [await _job(at, row) for row in await at.database.run(partial(jobs.latest, limit=limit))]


@router.get("/dead-letter-jobs/{job_id}")
async def show_job(job_id: str, at: State, _: Viewer) -> dict[str, Any]:
    """Tell how far a job is, and what came of its letters."""
    row = await _row(at, job_id)
    told = await at.database.run(partial(jobs.items, job=row.id, states=jobs.ENDED, limit=MOST))
    items = [{"id": item.letter_id, "state": item.state, "why": item.found} for item in told]
    return {**await _job(at, row), "items": items}


@router.post("/dead-letter-jobs/{job_id}/{act}")
async def change_job(
    job_id: str, act: Literal["pause", "cancel", "resume"], why: Why, at: State, user: Operator
) -> dict[str, Any]:
    """Pause, cancel or go on with a job."""
    row = await _row(at, job_id)
    desk = at.desk(user.name)
    if act == "resume":
        at.work_on(await resume(desk, row, why.reason))
    else:
        await control(desk, row, _NAMED[act], why.reason)
    return await _job(at, await _row(at, job_id))


async def _row(at: AppState, job_id: str) -> JobRow:
    row = await at.database.run(partial(jobs.get, job=job_id))
    if row is None:
        raise ProblemError(404, "No such job", f"there is no job {job_id[:40]}")
    return row


async def _job(at: AppState, row: JobRow) -> dict[str, Any]:
    counts = await at.database.run(partial(jobs.counts, job=row.id))
    return {
        "id": row.id,
        "status": row.status,
        "reason": row.reason,
        "by": row.author,
        "message": row.message,
        "letters": counts,
        "options": row.options,
    }
