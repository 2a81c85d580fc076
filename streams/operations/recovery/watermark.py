"""Up to which moment a store knows what happened, and whether workers may run on it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store import marks
from streams.store.schema import ledger


def knows_until(connection: Connection) -> int | None:
    """Moment (microseconds) before which everything that was committed is in the store; None of an empty one.

    The newest execution it has, hence also of a copy that was made without `leads store backup`. A copy with a mark of
    its own moment counts by the earlier of the two: a worker's clock may have been ahead.
    """
    newest: int | None = connection.execute(sa.select(sa.func.max(ledger.c.done_at))).scalar()
    copied = marks.get(connection, marks.BACKED_UP)
    if newest is None or copied is None:
        return newest
    return min(newest, copied)


def mark_as_behind(connection: Connection) -> int:
    """Mark that this store must catch up before a worker runs. Return the moment from which on.

    One that is marked already keeps its moment: what was taken in since then makes the store look newer than it is.
    """
    since = marks.get(connection, marks.CATCH_UP)
    if since is None:
        since = knows_until(connection) or 0
        marks.put(connection, marks.CATCH_UP, since)
    return since


def mark_as_caught_up(connection: Connection) -> None:
    """Let workers run."""
    marks.clear(connection, marks.CATCH_UP)
    marks.clear(connection, marks.BACKED_UP)


def is_behind(connection: Connection) -> bool:
    """Whether the store was restored and has not caught up."""
    return marks.get(connection, marks.CATCH_UP) is not None
