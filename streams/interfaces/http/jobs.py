"""Requests that plan the replay of many dead letters, start jobs that carry out plans, and control jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from io import BytesIO
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from streams.dead_letters.job_control import control, create, resume
from streams.dead_letters.job_limits import JobOptions
from streams.dead_letters.plan import PlanWriter, Stale, parse_plan
from streams.dead_letters.selection import Selection, select
from streams.engine.failures import app_version
from streams.interfaces.http.app_state import AppState, Operator, State, Viewer
from streams.interfaces.http.commands import NDJSON
from streams.interfaces.http.letters import MAX_LETTERS
from streams.interfaces.http.problems import ProblemError
from streams.store import jobs
from streams.store.jobs import JobRow
from topics.envelope import timestamp

router = APIRouter(prefix="/v1", tags=["plans and jobs"])
_NAMED: dict[str, Literal["paused", "cancelled"]] = {"pause": "paused", "cancel": "cancelled"}


class Planned(BaseModel):
    """Body of a request for a plan: letters with these ids, or those selected."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(default=[], max_length=MAX_LETTERS)
    select: Selection | None = None
    stale: Stale | None = None


class Why(BaseModel):
    """Why a job is started, paused, cancelled or resumed."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500)


class How(JobOptions, Why):
    """Options of a job, and its reason."""


@router.post("/dead-letter-plans")
async def plan(planned: Planned, state: State, _: Viewer) -> Response:
    """Return a plan (NDJSON) of what each replay would do; send it as the body to start a job."""
    if bool(planned.ids) == (planned.select is not None):
        raise ProblemError(422, "send `ids`, or `select`")
    ids = planned.ids
    if planned.select is not None:
        ids = await state.read(select, condition=planned.select.condition(state.now()))
    content = await asyncio.to_thread(_plan, state, ids, planned)
    return Response(content, media_type=NDJSON)


def _plan(state: AppState, ids: Sequence[str], planned: Planned) -> bytes:
    file = BytesIO()
    selector = "ids" if planned.select is None else planned.select.as_options()
    writer = PlanWriter(
        file, made=timestamp(state.now()), app_version=app_version(), selector=selector, stale=planned.stale
    )
    for row, prediction in state.preview.of(ids, stale=planned.stale):
        writer.add(row, prediction)
    writer.end()
    return file.getvalue()


@router.post("/dead-letter-jobs", status_code=202)
async def apply(
    request: Request, response: Response, state: State, user: Operator, how: Annotated[How, Query()]
) -> dict[str, Any]:
    """Start a job that carries out the plan in the body; it runs in this server and pauses when the server stops."""
    parsed = parse_plan("the body", await request.body())
    options = JobOptions(**how.model_dump(exclude={"reason"}))
    claimed = await create(state.commands(user.name), parsed, options, how.reason)
    state.work_on(claimed)
    response.headers["Location"] = f"/v1/dead-letter-jobs/{claimed.id}"
    return {"id": claimed.id, "letters": claimed.letters}


@router.get("/dead-letter-jobs")
async def list_jobs(
    state: State, _: Viewer, limit: Annotated[int, Query(ge=1, le=MAX_LETTERS)] = 20
) -> list[dict[str, Any]]:
    """List jobs, the newest first."""
    return [await _job(state, row) for row in await state.read(jobs.latest, limit=limit)]


@router.get("/dead-letter-jobs/{job_id}")
async def show_job(job_id: str, state: State, _: Viewer) -> dict[str, Any]:
    """Return the progress of a job and the outcomes of its letters."""
    row = await _row(state, job_id)
    ended = await state.read(jobs.items, job=row.id, states=jobs.ENDED, limit=MAX_LETTERS)
    items = [{"id": item.letter_id, "state": item.state, "reason": item.found} for item in ended]
    return {**await _job(state, row), "items": items}


@router.post("/dead-letter-jobs/{job_id}/{command}")
async def change_job(
    job_id: str, command: Literal["pause", "cancel", "resume"], why: Why, state: State, user: Operator
) -> dict[str, Any]:
    """Pause, cancel or resume a job."""
    row = await _row(state, job_id)
    commands = state.commands(user.name)
    if command == "resume":
        state.work_on(await resume(commands, row, why.reason))
    else:
        await control(commands, row, _NAMED[command], why.reason)
    return await _job(state, await _row(state, job_id))


async def _row(state: AppState, job_id: str) -> JobRow:
    row = await state.read(jobs.get, job=job_id)
    if row is None:
        raise ProblemError(404, f"there is no job {job_id[:40]}")
    return row


async def _job(state: AppState, row: JobRow) -> dict[str, Any]:
    counts = await state.read(jobs.counts, job=row.id)
    return {
        "id": row.id,
        "status": row.status,
        "reason": row.reason,
        "by": row.author,
        "message": row.message,
        "letters": counts,
        "options": row.options,
    }
