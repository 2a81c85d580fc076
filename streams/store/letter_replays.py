"""Letters change as workers and replays go on: due, asked for, put back, resolved, given up with their run."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store.letters import (
    DISCARDED,
    OPEN,
    REPLAYING,
    RESOLVED,
    SCHEDULED,
    STATUS,
    LetterRow,
    get,
    index,
)
from streams.store.schema import letters


def take_due(
    connection: Connection,
    now_us: int,
    lease_us: int,
    limit: int,
    *,
    of: Sequence[str] | None = None,
    besides: Sequence[str] = (),
) -> list[LetterRow]:
    """Take letters whose retry is due, at most `limit`, and mark them as replaying.

    `of` names the only actions to look at, `besides` those to leave out, both in kebab-case. One that was taken and
    not heard of for `lease_us` is due again: its taker may have died before it asked, and asking twice does nothing
    twice.
    """
    due = (
        sa.select(letters.c.id)
        .where(letters.c.status.in_((SCHEDULED, REPLAYING)), letters.c.due_at <= now_us)
        .where(letters.c.action.not_in(besides), sa.true() if of is None else letters.c.action.in_(of))
        .order_by(letters.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.execute(due).scalars())
    mark_replaying(connection, ids, now_us + lease_us)
    return get(connection, ids) if ids else []


def mark_replaying(connection: Connection, ids: Sequence[str], again_us: int | None) -> None:
    """Mark these open letters as asked for."""
    if ids:
        connection.execute(
            sa.update(letters)
            .where(letters.c.id.in_(ids), STATUS.in_(OPEN))
            .values(status=REPLAYING, due_at=again_us)
        )


def put_back(connection: Connection, rows: Sequence[LetterRow], now_us: int) -> None:
    """Let letters that were asked for wait until their step goes on: they are due then, at the generation they have."""
    index(connection, rows, now_us)  # whoever asks may know of a letter before the index does
    again = (
        sa.update(letters)
        .where(
            letters.c.id == sa.bindparam("b_id"),
            letters.c.generation == sa.bindparam("b_generation"),
            sa.or_(*(letters.c.status == status for status in OPEN)),  # IN does not go with many rows
        )
        .values(status=REPLAYING, due_at=now_us)
    )
    values = [{"b_id": row.letter.id, "b_generation": row.letter.generation} for row in rows]
    connection.execute(again, values)


def discard(connection: Connection, ids: Sequence[str], now_us: int) -> int:
    """Discard those of these letters that are open; return how many there were."""
    mine = letters.c.id.in_(ids) & STATUS.in_(OPEN)
    gone = sa.update(letters).where(mine).values(status=DISCARDED, resolved_at=now_us, due_at=None)
    return connection.execute(gone).rowcount if ids else 0


def resolve(connection: Connection, ids: Sequence[str], resolution: str, now_us: int) -> None:
    """Close open letters: their action has succeeded (`resolved`) or had done it before (`noop`)."""
    if ids:
        connection.execute(
            sa.update(letters)
            .where(letters.c.id.in_(ids), STATUS.in_(OPEN))
            .values(status=RESOLVED, resolution=resolution, resolved_at=now_us, due_at=None)
        )
