"""This file answers what changes dead letters, reads their records, or takes them out and in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from streams.dead_letters.export import dump, load
from streams.dead_letters.letter_commands import SIMPLE_COMMANDS, Done, LetterCommands
from streams.dead_letters.patching import Patch
from streams.dead_letters.selection import Selection, read_due, select
from streams.dead_letters.serialize import record_as_data
from streams.interfaces.http.app_state import AppState, Operator, State
from streams.interfaces.http.letters import MOST, etag
from streams.interfaces.http.problems import ProblemError

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])


class Command(BaseModel):
    """What is to be done about letters: those with these ids, or those selected."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500)
    ids: list[str] = Field(default=[], max_length=MOST)
    select: Selection | None = None
    at: str | None = None
    """When letters are to be tried: a moment, or in how long (2h); `schedule` alone."""
    recipe: str | None = None
    """`repair` alone."""
    patch: list[dict[str, Any]] = []
    """JSON Patch (RFC 6902); `edit` alone."""


COMMANDS = Literal["discard", "restore", "schedule", "unschedule", "keep", "erase", "edit", "repair"]
DEFAULT_STATUS = {"restore": "discarded", "unschedule": "scheduled"}
NDJSON = "application/x-ndjson"


@router.post("/{letter_id}/reveal")
async def reveal_letter(letter_id: str, act: Command, at: State, user: Operator) -> dict[str, Any]:
    """Give the record of a letter, which holds personal data; audited."""
    await at.letter(letter_id)
    row = await at.desk(user.name).reveal(letter_id, act.reason)
    return record_as_data(row, is_revealed=True)


@router.post("/export")
async def export_letters(act: Command, at: State, user: Operator) -> StreamingResponse:
    """Give letters whole, records too, one per line (NDJSON); audited, each one."""
    ids = await _chosen(at, "export", act)
    rows = at.desk(user.name).take_out(ids, act.reason)
    first = await anext(rows, None)  # what cannot be audited is refused before anything is sent

    async def lines() -> AsyncIterator[bytes]:
        if first is not None:
            yield dump(first)
        async for row in rows:
            yield dump(row)

    return StreamingResponse(lines(), media_type=NDJSON)


@router.post("/import")
async def import_letters(
    request: Request,
    at: State,
    user: Operator,
    reason: Annotated[str, Query(min_length=1, max_length=500)],
) -> dict[str, int]:
    """Take letters in that an export gave: all, or none when a line cannot be read."""
    rows = list(load((await request.body()).splitlines(keepends=True)))
    return {"taken_in": await at.desk(user.name).take_in(rows, reason)}


@router.patch("/{letter_id}")
async def edit_letter(
    letter_id: str,
    act: Command,
    at: State,
    user: Operator,
    if_match: Annotated[str | None, Header()] = None,
) -> dict[str, Any]:
    """Edit a letter by a JSON Patch, if it is still as its ETag said."""
    row = await at.letter(letter_id)
    if if_match is None:
        raise ProblemError(428, "Which letter was seen?", "send If-Match with the ETag of the letter")
    if if_match != etag(row):
        raise ProblemError(412, "The letter has changed", "get it again, look, and send its new ETag")
    return _told(await at.desk(user.name).edit([letter_id], Patch("edit", act.patch), act.reason))


@router.post("/acts/{name}")
async def act_on_letters(name: COMMANDS, act: Command, at: State, user: Operator) -> dict[str, Any]:
    """Do something about letters; tells which have changed, and which stay as they are, and why."""
    desk = at.desk(user.name)
    ids = await _chosen(at, name, act)
    return _told(await _do(name, desk, at, ids, act))


async def _do(name: COMMANDS, desk: LetterCommands, at: AppState, ids: list[str], act: Command) -> Done:
    if name in SIMPLE_COMMANDS:
        return await SIMPLE_COMMANDS[name](desk, ids, act.reason)
    if name == "schedule":
        if act.at is None:
            raise ProblemError(422, "When?", "send `at`: a moment that is to come, or in how long: 2h")
        return await desk.schedule(ids, read_due("at", act.at, at.clock()), act.reason)
    if name == "edit":
        return await desk.edit(ids, Patch("edit", act.patch), act.reason)
    recipes = {each.name: each for each in at.recipes}
    if act.recipe not in recipes:
        raise ProblemError(422, "No such recipe", f"`recipe` must be one of: {', '.join(recipes) or 'none'}")
    return await desk.edit(ids, recipes[act.recipe].as_patch(), act.reason)


async def _chosen(at: AppState, name: str, act: Command) -> list[str]:
    if bool(act.ids) == (act.select is not None):
        raise ProblemError(422, "Which letters?", "send `ids`, or `select` with at least one option")
    if act.select is None:
        return act.ids
    condition = act.select.or_status(DEFAULT_STATUS.get(name, "open")).condition(at.clock())
    if act.select.is_everything and not act.select.status:
        raise ProblemError(422, "Which letters?", "`select` says nothing; a status alone selects all of it")
    return await at.database.run(partial(select, condition=condition))


def _told(done: Done) -> dict[str, Any]:
    return {"changed": done.changed, "left": [asdict(each) for each in done.left]}
