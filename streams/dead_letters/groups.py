"""This file counts dead letters: in groups of one cause, and by all that tells them apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.dead_letters.selector import Selector
from streams.store.letters import OPEN
from streams.store.schema import letters
from topics.envelope import parse_timestamp, timestamp
from topics.registry import BY_NAME, LETTERS

NEW_FOR = timedelta(hours=24)
"""A group whose first failure is not older than this counts as new."""


@dataclass(frozen=True, slots=True)
class Group:
    """Letters of one cause: same exception, own functions, code and action."""

    fingerprint: str
    action: str
    code: str
    failure_class: str
    count: int
    first_seen: str
    """RFC 3339 UTC."""
    last_seen: str
    scheduled: int
    """Those that are retried by themselves."""
    sample: str
    """Id of one of them."""
    is_new: bool


@dataclass(frozen=True, slots=True)
class Stats:
    """Letters by all that tells them apart, and how long the oldest open one is still there."""

    by: dict[str, dict[str, int]]
    """`status`, `class`, `action`, `code`: number of letters by value, most first."""
    oldest_open: str | None
    """When the oldest open letter was written last (RFC 3339)."""
    headroom: timedelta | None
    """Until retention deletes that letter from its topic; negative: it may be gone there. None: none is open."""


def groups(connection: Connection, selector: Selector, now: datetime, limit: int) -> list[Group]:
    """Give at most `limit` groups, the largest first, counted by the database."""
    column = letters.c
    count = sa.func.count().label("number")
    query = (
        sa.select(
            column.fingerprint,
            column.action,
            column.code,
            column.failure_class,
            count,
            sa.func.min(column.first_time),
            sa.func.max(column.time),
            sa.func.sum(sa.case((column.status == "scheduled", 1), else_=0)),
            sa.func.min(column.id),
        )
        .where(selector.condition())
        .group_by(column.fingerprint, column.action, column.code, column.failure_class)
        .order_by(count.desc(), column.fingerprint)
        .limit(limit)
    )
    newest = timestamp(now - NEW_FOR)
    return [
        Group(mark, action, code, kind, number, first, last, int(waiting), sample, is_new=first >= newest)
        for mark, action, code, kind, number, first, last, waiting, sample in connection.execute(query)
    ]


def stats(connection: Connection, selector: Selector, now: datetime) -> Stats:
    """Count the letters of the selector."""
    column = letters.c
    by = {
        name: _counted(connection, selector, of)
        for name, of in (
            ("status", column.status),
            ("class", column.failure_class),
            ("action", column.action),
            ("code", column.code),
        )
    }
    # Each generation is written anew: retention counts from the last writing.
    oldest = connection.execute(
        sa.select(sa.func.min(column.time)).where(selector.condition(), column.status.in_(OPEN))
    ).scalar()
    headroom = None if oldest is None else parse_timestamp(oldest) + BY_NAME[LETTERS].retention - now
    return Stats(by, oldest, headroom)


def _counted(connection: Connection, selector: Selector, of: sa.Column[str]) -> dict[str, int]:
    count = sa.func.count()
    query = sa.select(of, count).where(selector.condition()).group_by(of).order_by(count.desc(), of)
    return {value: number for value, number in connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy
