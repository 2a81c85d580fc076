"""Requests that list, group, count and explain dead letters."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from streams.dead_letters.describe import what_happened, what_is_done, what_would_come
from streams.dead_letters.groups import groups, stats
from streams.dead_letters.selection import Selection, select
from streams.dead_letters.serialize import as_data, record_as_data
from streams.interfaces.http.app_state import State, Viewer
from streams.store import ledger, letters
from streams.store.letters import LetterRow

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])
MAX_LETTERS = 1000


class Listing(Selection):
    """A selection of letters, and the largest number to list."""

    limit: int = Field(default=100, ge=1, le=MAX_LETTERS)


def etag(row: LetterRow) -> str:
    """Return the ETag of a letter, which changes whenever the letter does."""
    return f'"{row.letter.generation}-{row.letter.edit_number or 0}-{row.status}"'


@router.get("")
async def list_letters(
    state: State, _: Viewer, selection: Annotated[Listing, Query()]
) -> list[dict[str, Any]]:
    """List letters, oldest first, without their records."""
    condition = selection.condition(state.now())
    ids = await state.read(select, condition=condition, limit=selection.limit)
    rows = {row.letter.id: row for row in await state.read(letters.get, ids=ids)}
    return [as_data(rows[each]) for each in ids if each in rows]


@router.get("/groups")
async def list_groups(
    state: State, _: Viewer, selection: Annotated[Listing, Query()]
) -> list[dict[str, Any]]:
    """Group letters by cause, the largest first."""
    now = state.now()
    condition = selection.condition(now)
    found = await state.read(groups, condition=condition, now=now, limit=selection.limit)
    return [asdict(each) for each in found]


@router.get("/stats")
async def count_letters(state: State, _: Viewer, selection: Annotated[Selection, Query()]) -> dict[str, Any]:
    """Count letters by status, class, action and code, and return how long the oldest open one is still kept."""
    now = state.now()
    condition = selection.or_status("all").condition(now)
    found = await state.read(stats, condition=condition, now=now)
    left = None if found.headroom is None else found.headroom.total_seconds()
    return {**found.by, "oldest_open": found.oldest_open, "headroom_seconds": left}


@router.get("/{letter_id}")
async def show_letter(letter_id: str, state: State, _: Viewer, response: Response) -> dict[str, Any]:
    """Explain a letter: what happened, what is committed for its lead, and what a replay would do."""
    row = await state.letter(letter_id)
    lead = row.lead_id
    done = [] if lead is None else await state.read(ledger.of_lead, lead_id=lead)
    would = await asyncio.to_thread(lambda: next(found for _, found in state.preview.of([letter_id])))
    response.headers["ETag"] = etag(row)
    return {
        **as_data(row),
        "exception": row.letter.exception,
        "stacktrace": row.letter.stacktrace,
        "record": record_as_data(row, is_revealed=False),
        "replay": would.as_data(),
        "explained": [*what_happened(row), *what_is_done(done), *what_would_come(would)],
    }
