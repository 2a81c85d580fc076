"""This file answers /v1/dead-letters: look, preview and decide."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from streams.dead_letters.data import as_data, record_as_data
from streams.dead_letters.desk import Desk, Done
from streams.dead_letters.explaining import what_happened, what_is_done, what_would_come
from streams.dead_letters.groups import groups, stats
from streams.dead_letters.patching import Patch
from streams.dead_letters.selector import Selector, read_due, read_selector, select
from streams.http.office import Office, Operator, TheOffice, Viewer
from streams.http.problems import ProblemError
from streams.store import ledger, letters
from streams.store.letters import LetterRow

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])
MOST = 1000


class Words(BaseModel):
    """Which letters: the options of the commands."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    status: list[str] = []
    group: list[str] = []
    action: list[str] = []
    class_: list[str] = Field(default=[], alias="class")
    code: list[str] = []
    lead: list[str] = []
    key: list[str] = []
    since: str | None = None
    until: str | None = None
    generation: str | None = None
    app_version: list[str] = []
    where: str | None = None

    def selector(self, at: Office) -> Selector:
        """Read them. Raises `SelectorError`."""
        return read_selector(at.clock(), **self.model_dump())


class Act(BaseModel):
    """What is to be done about letters: those with these ids, or those selected."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500)
    ids: list[str] = Field(default=[], max_length=MOST)
    select: Words | None = None
    at: str | None = None
    """When letters are to be tried: a moment, or in how long (2h); `schedule` alone."""
    recipe: str | None = None
    """`repair` alone."""
    patch: list[dict[str, Any]] = []
    """JSON Patch (RFC 6902); `edit` alone."""


ACTS = Literal["discard", "restore", "schedule", "unschedule", "keep", "edit", "repair"]
DEFAULT_STATUS = {"restore": "discarded", "unschedule": "scheduled"}


class Listing(Words):
    """A page of letters."""

    limit: int = Field(default=100, ge=1, le=MOST)


def etag(row: LetterRow) -> str:
    """Give what changes whenever the letter does."""
    return f'"{row.letter.generation}-{row.letter.edit_number or 0}-{row.status}"'


@router.get("")
async def list_letters(at: TheOffice, _: Viewer, words: Annotated[Listing, Query()]) -> list[dict[str, Any]]:
    """List letters, oldest first, without their records."""
    chosen = read_selector(at.clock(), **words.model_dump(exclude={"limit"}))
    ids = await at.database.run(partial(select, selector=chosen, limit=words.limit))
    rows = {row.letter.id: row for row in await at.database.run(partial(letters.get, ids=ids))}
    return [as_data(rows[each]) for each in ids if each in rows]


@router.get("/groups")
async def list_groups(at: TheOffice, _: Viewer, words: Annotated[Listing, Query()]) -> list[dict[str, Any]]:
    """Group letters by cause, the largest first."""
    chosen, now = read_selector(at.clock(), **words.model_dump(exclude={"limit"})), at.clock()
    found = await at.database.run(partial(groups, selector=chosen, now=now, limit=words.limit))
    return [asdict(each) for each in found]


@router.get("/stats")
async def count_letters(at: TheOffice, _: Viewer, words: Annotated[Words, Query()]) -> dict[str, Any]:
    """Count letters by status, class, action and code, and say how long the oldest open one is still kept."""
    given = words.model_copy(update={"status": words.status or ["all"]})
    found = await at.database.run(partial(stats, selector=given.selector(at), now=at.clock()))
    left = None if found.headroom is None else found.headroom.total_seconds()
    return {**found.by, "oldest_open": found.oldest_open, "headroom_seconds": left}


@router.get("/{letter_id}")
async def show_letter(letter_id: str, at: TheOffice, _: Viewer, response: Response) -> dict[str, Any]:
    """Explain a letter: what happened, what is committed for its lead, and what a replay would do."""
    row = await at.letter(letter_id)
    lead = row.lead_id
    done = [] if lead is None else await at.database.run(partial(ledger.of_lead, lead_id=lead))
    would = await asyncio.to_thread(lambda: next(found for _, found in at.preview.of([letter_id])))
    response.headers["ETag"] = etag(row)
    return {
        **as_data(row),
        "exception": row.letter.exception,
        "stacktrace": row.letter.stacktrace,
        "record": record_as_data(row, is_revealed=False),
        "replay": would.as_data(),
        "explained": [*what_happened(row), *what_is_done(done), *what_would_come(would)],
    }


@router.post("/{letter_id}/reveal")
async def reveal_letter(letter_id: str, act: Act, at: TheOffice, who: Operator) -> dict[str, Any]:
    """Give the record of a letter, which holds personal data; audited."""
    await at.letter(letter_id)
    row = await at.desk(who.name).reveal(letter_id, act.reason)
    return record_as_data(row, is_revealed=True)


@router.patch("/{letter_id}")
async def edit_letter(
    letter_id: str,
    act: Act,
    at: TheOffice,
    who: Operator,
    if_match: Annotated[str | None, Header()] = None,
) -> dict[str, Any]:
    """Edit a letter by a JSON Patch, if it is still as its ETag said."""
    row = await at.letter(letter_id)
    if if_match is None:
        raise ProblemError(428, "Which letter was seen?", "send If-Match with the ETag of the letter")
    if if_match != etag(row):
        raise ProblemError(412, "The letter has changed", "get it again, look, and send its new ETag")
    return _told(await at.desk(who.name).edit([letter_id], Patch("edit", act.patch), act.reason))


@router.post("/acts/{name}")
async def act_on_letters(name: ACTS, act: Act, at: TheOffice, who: Operator) -> dict[str, Any]:
    """Do something about letters; tells which have changed, and which stay as they are, and why."""
    desk = at.desk(who.name)
    ids = await _chosen(at, name, act)
    return _told(await _do(name, desk, at, ids, act))


async def _do(name: ACTS, desk: Desk, at: Office, ids: list[str], act: Act) -> Done:  # noqa: PLR0911 - one per act
    match name:
        case "discard":
            return await desk.discard(ids, act.reason)
        case "restore":
            return await desk.restore(ids, act.reason)
        case "unschedule":
            return await desk.unschedule(ids, act.reason)
        case "keep":
            return await desk.keep(ids, act.reason)
        case "schedule":
            if act.at is None:
                raise ProblemError(422, "When?", "send `at`: a moment that is to come, or in how long: 2h")
            return await desk.schedule(ids, read_due("at", act.at, at.clock()), act.reason)
        case "edit":
            return await desk.edit(ids, Patch("edit", act.patch), act.reason)
        case "repair":
            recipes = {each.name: each for each in at.recipes}
            if act.recipe not in recipes:
                raise ProblemError(
                    422, "No such recipe", f"`recipe` must be one of: {', '.join(recipes) or 'none'}"
                )
            return await desk.edit(ids, recipes[act.recipe].as_patch(), act.reason)


async def _chosen(at: Office, name: str, act: Act) -> list[str]:
    if bool(act.ids) == (act.select is not None):
        raise ProblemError(422, "Which letters?", "send `ids`, or `select` with at least one option")
    if act.select is None:
        return act.ids
    words = act.select
    if not words.status and name in DEFAULT_STATUS:
        words = words.model_copy(update={"status": [DEFAULT_STATUS[name]]})
    chosen = words.selector(at)
    if chosen.is_everything and not act.select.status:
        raise ProblemError(422, "Which letters?", "`select` says nothing; a status alone selects all of it")
    return await at.database.run(partial(select, selector=chosen))


def _told(done: Done) -> dict[str, Any]:
    return {"changed": done.changed, "left": [asdict(each) for each in done.left]}
