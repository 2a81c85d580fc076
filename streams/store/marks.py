"""Store facts about the store as a whole, each with its moment."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store.schema import marks

BACKED_UP = "backed-up"
"""Set in a backup: the store has nothing that was committed later than this."""
ALIASED = "aliased"
"""Whoever was stored before this has an alias where today's rules of reading give them another key."""
RULES = "reading-rules-{}"
"""When a worker with these rules of reading (`READING_RULES`) first started on the store."""
CATCH_UP = "catch-up"
"""The store is older than the topics: it must catch up on their records from this moment before a worker runs."""


def get(connection: Connection, name: str) -> int | None:
    """Return the moment of a mark, microseconds since the epoch; None when it is not set."""
    return connection.execute(sa.select(marks.c.moment).where(marks.c.name == name)).scalar()


def put(connection: Connection, name: str, moment_us: int) -> None:
    """Set a mark, replacing an older one."""
    clear(connection, name)
    connection.execute(sa.insert(marks).values(name=name, moment=moment_us))


def clear(connection: Connection, name: str) -> None:
    """Remove a mark."""
    connection.execute(sa.delete(marks).where(marks.c.name == name))
