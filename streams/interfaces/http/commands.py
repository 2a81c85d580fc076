"""Requests that change dead letters, reveal their records, or export and import them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from streams.dead_letters.letter_commands import SIMPLE_COMMANDS, Done
from streams.dead_letters.patching import Patch
from streams.dead_letters.selection import USUAL_STATUS, Selection, read_due, select
from streams.dead_letters.serialize import dump, load, record_as_data
from streams.interfaces.http.app_state import AppState, Operator, State
from streams.interfaces.http.letters import MAX_LETTERS, etag
from streams.interfaces.http.problems import ProblemError

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])


class Command(BaseModel):
    """Body of a command about letters: those with these ids, or those selected."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500)
    ids: list[str] = Field(default=[], max_length=MAX_LETTERS)
    select: Selection | None = None
    at: str | None = None
    """When letters are retried: a moment, or a duration from now (2h); only for `schedule`."""
    recipe: str | None = None
    """Name of a recipe of leads.toml; only for `repair`."""
    patch: list[dict[str, Any]] = []
    """JSON Patch (RFC 6902); only for `edit`."""


CommandName = Literal["discard", "restore", "schedule", "unschedule", "keep", "erase", "edit", "repair"]
NDJSON = "application/x-ndjson"


@router.post("/{letter_id}/reveal")
async def reveal_letter(letter_id: str, command: Command, state: State, user: Operator) -> dict[str, Any]:
    """Return the record of a letter, which holds personal data; audited."""
    await state.letter(letter_id)
    row = await state.commands(user.name).reveal(letter_id, command.reason)
    return record_as_data(row, is_revealed=True)


@router.post("/export")
async def export_letters(command: Command, state: State, user: Operator) -> StreamingResponse:
    """Return letters with their records, one per line (NDJSON); each one is audited."""
    ids = await _chosen(state, "export", command)
    rows = state.commands(user.name).export_letters(ids, command.reason)
    first = await anext(
        rows, None
    )  # an audit that cannot be written refuses the request before anything is sent

    async def lines() -> AsyncIterator[bytes]:
        if first is not None:
            yield dump(first)
        async for row in rows:
            yield dump(row)

    return StreamingResponse(lines(), media_type=NDJSON)


@router.post("/import")
async def import_letters(
    request: Request,
    state: State,
    user: Operator,
    reason: Annotated[str, Query(min_length=1, max_length=500)],
) -> dict[str, int]:
    """Import the letters of an export: all of them, or none when a line cannot be read."""
    rows = list(load((await request.body()).splitlines(keepends=True)))
    return {"taken_in": await state.commands(user.name).import_letters(rows, reason)}


@router.patch("/{letter_id}")
async def edit_letter(
    letter_id: str,
    command: Command,
    state: State,
    user: Operator,
    if_match: Annotated[str | None, Header()] = None,
) -> dict[str, Any]:
    """Edit a letter by a JSON Patch unless it has changed since its ETag was read."""
    row = await state.letter(letter_id)
    if if_match is None:
        raise ProblemError(428, "send If-Match with the ETag of the letter")
    if if_match != etag(row):
        raise ProblemError(412, "the letter has changed; get it again, check it, and send its new ETag")
    patch = Patch("edit", command.patch)
    return asdict(await state.commands(user.name).edit([letter_id], patch, command.reason))


@router.post("/commands/{name}")
async def command_letters(
    name: CommandName, command: Command, state: State, user: Operator
) -> dict[str, Any]:
    """Run a command on letters; return the ids that it changed, and those that it skipped with the reason."""
    ids = await _chosen(state, name, command)
    return asdict(await _run(name, state, user.name, ids, command))


async def _run(name: CommandName, state: AppState, author: str, ids: list[str], command: Command) -> Done:
    commands = state.commands(author)
    if name in SIMPLE_COMMANDS:
        return await SIMPLE_COMMANDS[name](commands, ids, command.reason)
    if name == "schedule":
        if command.at is None:
            raise ProblemError(422, "send `at`: a moment in the future, or a duration from now: 2h")
        return await commands.schedule(ids, read_due("at", command.at, state.now()), command.reason)
    if name == "edit":
        return await commands.edit(ids, Patch("edit", command.patch), command.reason)
    recipes = {recipe.name: recipe for recipe in state.recipes}
    if command.recipe not in recipes:
        raise ProblemError(422, f"`recipe` must be one of: {', '.join(recipes) or 'none'}")
    return await commands.edit(ids, recipes[command.recipe].as_patch(), command.reason)


async def _chosen(state: AppState, name: str, command: Command) -> list[str]:
    if bool(command.ids) == (command.select is not None):
        raise ProblemError(422, "send `ids`, or `select` with at least one option")
    if command.select is None:
        return command.ids
    condition = command.select.or_status(USUAL_STATUS.get(name, "open")).condition(state.now())
    if command.select.is_everything and not command.select.status:
        raise ProblemError(422, "`select` is empty; a status alone selects every letter with it")
    return await state.read(select, condition=condition)
