"""This file says what came of letters that a job asked for, and whether it is what the plan said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.dead_letters.prediction import FAILING
from streams.store import ledger
from streams.store.jobs import ItemRow, ItemState
from streams.store.letters import DISCARDED, RESOLVED
from streams.store.schema import letters as letters_table

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Judged:
    """The outcome of one letter."""

    item: ItemRow
    state: ItemState
    found: str | None
    """Why it failed, and in what it came otherwise than planned."""


def judge(connection: Connection, items: Sequence[ItemRow]) -> list[Judged]:
    """Give those of the letters that have an outcome."""
    found: list[Judged] = []
    for start in range(0, len(items), _AT_ONCE):
        found += _judge(connection, {item.letter_id: item for item in items[start : start + _AT_ONCE]})
    return found


def _judge(connection: Connection, items: dict[str, ItemRow]) -> list[Judged]:
    table = letters_table.c
    query = sa.select(table.id, table.status, table.resolution, table.code, table.generation).where(
        table.id.in_(list(items))
    )
    rows = connection.execute(query).all()
    said = _said(connection, [items[row.id] for row in rows])
    found = []
    for row in rows:
        item = items[row.id]
        planned = item.planned
        if row.status in (RESOLVED, DISCARDED):
            state: ItemState = "resolved" if row.resolution == "resolved" else "noop"
            found.append(Judged(item, state, _otherwise(planned, said.get(row.id), state)))
        elif row.generation > planned["generation"]:
            would = planned["would"]
            is_planned = would["verdict"] in FAILING and would.get("code") == row.code
            again = f"failed again: {row.code}"
            found.append(Judged(item, "failed", again if is_planned else f"{again}, not as planned"))
    return found


def _said(connection: Connection, items: Sequence[ItemRow]) -> dict[str, _Said]:
    by_result = {
        bytes.fromhex(item.planned["result_id"].replace("-", "")): item.letter_id
        for item in items
        if item.planned["result_id"] is not None
    }
    rows = ledger.find(connection, by_result)
    return {
        by_result[key]: _Said(row.result_type, orjson.loads(row.result or b"{}"))
        for key, row in rows.items()
        if row.is_done
    }


class _Said(NamedTuple):
    """The event that an action stated, as the ledger keeps it."""

    event: str | None
    body: dict[str, Any]


def _otherwise(planned: dict[str, Any], said: _Said | None, state: ItemState) -> str | None:
    would = planned["would"]
    expected = {"would-resolve": "resolved", "noop": "noop"}.get(would["verdict"])
    if expected is None or said is None:
        return f"{state}, of which the plan could not say" if expected is None else None
    thought = [expected, would.get("event"), would.get("outcome")]
    came = [state, said.event, said.body.get("outcome")]
    if expected == "resolved":
        # Whose turn it is depends on who else takes one: told, and no reason to leave a letter out.
        owner = None if planned["owner"] is None else (said.body.get("owner") or {}).get("id")
        thought += [_list(would.get("changes")), planned["owner"]]
        came += [_list(said.body.get("changed")), owner]
    return None if came == thought else f"planned {_words(thought)}, came {_words(came)}"


def _list(names: Sequence[str] | None) -> str | None:
    return f"({', '.join(sorted(names))})" if names else None


def _words(said: Sequence[object]) -> str:
    return " ".join(str(each) for each in said if each is not None)
