"""Change letters as replays proceed: taken when due, requested, put back, resolved, discarded with their run."""

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

    `of` names the only actions to take, `besides` those to leave out, both in kebab-case. A taken letter without an
    outcome is due again after `lease_us`: its taker may have died before it requested the replay. A second request
    does nothing twice.
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
    """Mark these open letters as being replayed; they are due again at `again_us`."""
    if ids:
        connection.execute(
            sa.update(letters)
            .where(letters.c.id.in_(ids), STATUS.in_(OPEN))
            .values(status=REPLAYING, due_at=again_us)
        )


def put_back(connection: Connection, rows: Sequence[LetterRow], now_us: int) -> None:
    """Keep requested letters waiting until their step continues: they are due then, at the same generation."""
    index(connection, rows, now_us)  # a letter may be requested before the index has it
    again = (
        sa.update(letters)
        .where(
            letters.c.id == sa.bindparam("b_id"),
            letters.c.generation == sa.bindparam("b_generation"),
            sa.or_(*(letters.c.status == status for status in OPEN)),  # executemany does not expand an IN
        )
        .values(status=REPLAYING, due_at=now_us)
    )
    values = [{"b_id": row.letter.id, "b_generation": row.letter.generation} for row in rows]
    connection.execute(again, values)


def discard(connection: Connection, ids: Sequence[str], now_us: int) -> int:
    """Discard the open ones of these letters; return how many."""
    is_open = letters.c.id.in_(ids) & STATUS.in_(OPEN)
    change = sa.update(letters).where(is_open).values(status=DISCARDED, resolved_at=now_us, due_at=None)
    return connection.execute(change).rowcount if ids else 0


def resolve(connection: Connection, ids: Sequence[str], resolution: str, now_us: int) -> None:
    """Close open letters: the replay succeeded (`resolved`), or the action had been done before (`noop`)."""
    if ids:
        connection.execute(
            sa.update(letters)
            .where(letters.c.id.in_(ids), STATUS.in_(OPEN))
            .values(status=RESOLVED, resolution=resolution, resolved_at=now_us, due_at=None)
        )
