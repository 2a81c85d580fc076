"""Determines until which moment a store is complete, and whether workers may run on it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.normalise.identity import READING_RULES
from streams.store import marks
from streams.store.schema import ledger


def knows_until(connection: Connection) -> int | None:
    """Return the moment (microseconds) before which the store has everything committed; None for an empty store.

    It is that of the newest execution, so it also holds for a copy made without `leads store backup`. For a copy that
    is marked with its own moment it is the earlier of the two, because a worker's clock may have been ahead.
    """
    newest: int | None = connection.execute(sa.select(sa.func.max(ledger.c.done_at))).scalar()
    copied = marks.get(connection, marks.BACKED_UP)
    if newest is None or copied is None:
        return newest
    return min(newest, copied)


def mark_as_behind(connection: Connection) -> int:
    """Mark that this store must catch up before a worker runs. Return the moment to catch up from (microseconds).

    A marked store keeps its moment, because what was written since then makes it look newer than it is.
    """
    since = marks.get(connection, marks.CATCH_UP)
    if since is None:
        since = knows_until(connection) or 0
        marks.put(connection, marks.CATCH_UP, since)
    return since


def mark_as_caught_up(connection: Connection) -> None:
    """Remove the marks, so that workers may run."""
    marks.clear(connection, marks.CATCH_UP)
    marks.clear(connection, marks.BACKED_UP)
    # People who were read back are stored as an older build may have read them.
    marks.clear(connection, marks.ALIASED)
    marks.clear(connection, marks.RULES.format(READING_RULES))


def is_behind(connection: Connection) -> bool:
    """Return whether the store was restored and has not caught up."""
    return marks.get(connection, marks.CATCH_UP) is not None
