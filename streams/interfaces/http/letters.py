"""This file answers /v1/dead-letters: look, preview and decide."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from streams.dead_letters.describe import what_happened, what_is_done, what_would_come
from streams.dead_letters.groups import groups, stats
from streams.dead_letters.selection import Selector, read_selector, select
from streams.dead_letters.serialize import as_data, record_as_data
from streams.interfaces.http.app_state import AppState, State, Viewer
from streams.store import ledger, letters
from streams.store.letters import LetterRow

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])
MOST = 1000


class Words(BaseModel):
    """Which letters: the options of the commands."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    id: list[str] = []
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

    def selector(self, at: AppState) -> Selector:
        """Read them. Raises `SelectorError`."""
        return read_selector(at.clock(), **self.model_dump())


class Listing(Words):
    """A page of letters."""

    limit: int = Field(default=100, ge=1, le=MOST)


def etag(row: LetterRow) -> str:
    """Give what changes whenever the letter does."""
    return f'"{row.letter.generation}-{row.letter.edit_number or 0}-{row.status}"'


@router.get("")
async def list_letters(at: State, _: Viewer, words: Annotated[Listing, Query()]) -> list[dict[str, Any]]:
    """List letters, oldest first, without their records."""
    chosen = read_selector(at.clock(), **words.model_dump(exclude={"limit"}))
    ids = await at.database.run(partial(select, selector=chosen, limit=words.limit))
    rows = {row.letter.id: row for row in await at.database.run(partial(letters.get, ids=ids))}
    return [as_data(rows[each]) for each in ids if each in rows]


@router.get("/groups")
async def list_groups(at: State, _: Viewer, words: Annotated[Listing, Query()]) -> list[dict[str, Any]]:
    """Group letters by cause, the largest first."""
    chosen, now = read_selector(at.clock(), **words.model_dump(exclude={"limit"})), at.clock()
    found = await at.database.run(partial(groups, selector=chosen, now=now, limit=words.limit))
    return [asdict(each) for each in found]


@router.get("/stats")
async def count_letters(at: State, _: Viewer, words: Annotated[Words, Query()]) -> dict[str, Any]:
    """Count letters by status, class, action and code, and say how long the oldest open one is still kept."""
    given = words.model_copy(update={"status": words.status or ["all"]})
    found = await at.database.run(partial(stats, selector=given.selector(at), now=at.clock()))
    left = None if found.headroom is None else found.headroom.total_seconds()
    return {**found.by, "oldest_open": found.oldest_open, "headroom_seconds": left}


@router.get("/{letter_id}")
async def show_letter(letter_id: str, at: State, _: Viewer, response: Response) -> dict[str, Any]:
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
