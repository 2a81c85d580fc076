"""Change letters of the index for people, each only if the letter is still as they saw it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.chunks import chunked
from streams.store.bulk import MAX_IDS
from streams.store.letters import (
    DISCARDED,
    ERASED,
    NO_RECORD,
    PARKED,
    RESOLVED,
    SCHEDULED,
    STATUS,
    LetterRow,
    dump_letter,
)
from streams.store.schema import letters
from topics.letter import DeadLetter

RESTING = (SCHEDULED, PARKED)
"""Open and not being replayed; only these can be changed."""
ERASABLE = (*RESTING, RESOLVED, DISCARDED)
_COLUMN = letters.c


def move(
    connection: Connection, ids: Collection[str], of: Sequence[str], values: dict[str, Any]
) -> list[str]:
    """Set columns of the letters that have one of these statuses and no job; return their ids."""
    moved: list[str] = []
    for part in chunked(list(ids), MAX_IDS):
        fitting = sa.select(_COLUMN.id).where(_COLUMN.id.in_(part), STATUS.in_(of), _COLUMN.job.is_(None))
        moved += connection.execute(fitting.with_for_update()).scalars()
    _set(connection, moved, values)
    return moved


def discard(connection: Connection, ids: Collection[str], now_us: int) -> list[str]:
    """Discard letters that are not being replayed; return their ids."""
    return move(connection, ids, RESTING, {"status": DISCARDED, "due_at": None, "resolved_at": now_us})


def restore(connection: Connection, ids: Collection[str]) -> list[str]:
    """Park discarded letters again; return their ids."""
    return move(connection, ids, (DISCARDED,), {"status": PARKED, "due_at": None, "resolved_at": None})


def erase(connection: Connection, ids: Collection[str], now_us: int) -> list[str]:
    """Erase from the index the records of letters that are not being replayed; return their ids."""
    return move(
        connection, ids, ERASABLE, {"status": ERASED, "due_at": None, "resolved_at": now_us, **NO_RECORD}
    )


def schedule(connection: Connection, ids: Collection[str], due_us: int) -> list[str]:
    """Schedule a retry of resting letters for this moment; return their ids."""
    return move(connection, ids, RESTING, {"status": SCHEDULED, "due_at": due_us})


def unschedule(connection: Connection, ids: Collection[str]) -> list[str]:
    """Park letters that are scheduled for an automatic retry; return their ids."""
    return move(connection, ids, (SCHEDULED,), {"status": PARKED, "due_at": None})


def edit(
    connection: Connection, row: LetterRow, letter: DeadLetter, value: bytes | None, now_us: int
) -> bool:
    """Replace the record's value and keep the first one; return False when the letter no longer matches `row`."""
    changed = (
        sa.update(letters)
        .where(
            _COLUMN.id == row.letter.id,
            _COLUMN.status.in_(RESTING),
            _COLUMN.job.is_(None),
            _COLUMN.generation == row.letter.generation,
            _COLUMN.edits == (row.letter.edit_number or 0),
        )
        .values(
            record_value=value,
            original_value=sa.case((_COLUMN.edits == 0, _COLUMN.record_value), else_=_COLUMN.original_value),
            edits=letter.edit_number,
            edited_at=now_us,
            indexed_at=now_us,  # it is published again, and retention counts from that copy
            headers=dump_letter(letter),
        )
    )
    return connection.execute(changed).rowcount == 1


def decide_stale(
    connection: Connection, rows: Iterable[LetterRow], decision: Literal["run", "skip"]
) -> list[LetterRow]:
    """Store a person's decision about events that are too old; every later request of these letters carries it."""
    decided = [replace(row, letter=replace(row.letter, stale=decision)) for row in rows]
    statement = (
        sa.update(letters).where(_COLUMN.id == sa.bindparam("b_id")).values(headers=sa.bindparam("b_letter"))
    )
    values = [{"b_id": row.letter.id, "b_letter": dump_letter(row.letter)} for row in decided]
    if values:
        connection.execute(statement, values)
    return decided


def keep(connection: Connection, ids: Collection[str], now_us: int) -> None:
    """Keep these letters in the index as long as if they had been indexed now."""
    _set(connection, list(ids), {"indexed_at": now_us})


def claim(connection: Connection, ids: Collection[str], job: str) -> set[str]:
    """Take for this job the resting letters that no job holds; return their ids."""
    return set(move(connection, ids, RESTING, {"job": job}))


def release(connection: Connection, job: str, ids: Collection[str] | None = None) -> None:
    """Release these letters of a job; all of them when `ids` is None."""
    of_job = sa.update(letters).where(_COLUMN.job == job)
    if ids is None:
        connection.execute(of_job.values(job=None))
        return
    for part in chunked(list(ids), MAX_IDS):
        connection.execute(of_job.where(_COLUMN.id.in_(part)).values(job=None))


def _set(connection: Connection, ids: Sequence[str], values: dict[str, Any]) -> None:
    for part in chunked(ids, MAX_IDS):
        connection.execute(sa.update(letters).where(_COLUMN.id.in_(part)).values(**values))
