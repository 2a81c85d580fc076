"""Delete letters that their topic no longer holds, and mark open ones as lost."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store.bulk import delete_in
from streams.store.letters import DISCARDED, ERASED, EXPIRED, NO_RECORD, OPEN, RESOLVED
from streams.store.schema import letters


def prune(
    connection: Connection,
    before_us: int,
    limit: int,
    statuses: Sequence[str] = (RESOLVED, DISCARDED, ERASED),
) -> int:
    """Delete at most `limit` letters that the topic no longer holds either; return how many."""
    ids = _old(connection, before_us, limit, statuses)
    delete_in(connection, letters.c.id, ids)
    return len(ids)


def expire(connection: Connection, before_us: int, limit: int) -> int:
    """Mark at most `limit` open letters that the topic no longer holds as lost; return how many."""
    ids = _old(connection, before_us, limit, OPEN)
    if ids:
        gone = {"status": EXPIRED, "due_at": None, "resolved_at": before_us, "job": None, **NO_RECORD}
        connection.execute(sa.update(letters).where(letters.c.id.in_(ids)).values(gone))
    return len(ids)


def _old(connection: Connection, before_us: int, limit: int, statuses: Sequence[str]) -> list[str]:
    query = (
        sa.select(letters.c.id)
        .where(letters.c.indexed_at < before_us, letters.c.status.in_(statuses))
        .order_by(letters.c.indexed_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(connection.execute(query).scalars())
