"""Dead letters are counted in groups of one cause, and by all that tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.chunks import chunked
from streams.dead_letters.selection import Condition, Selection
from streams.store.bulk import MAX_IDS
from streams.store.letters import EVERY, OPEN
from streams.store.schema import letters
from topics.envelope import parse_timestamp, timestamp
from topics.registry import BY_NAME, LETTERS

Cause = tuple[str, ...]
_CAUSE = (letters.c.fingerprint, letters.c.action, letters.c.code, letters.c.failure_class)
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
    versions: Sequence[str]
    """Builds that failed, in the order of their names."""
    is_new: bool
    """Whether the group was first seen within `NEW_FOR`; resolved letters count too."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Letters by all that tells them apart, and how long the oldest open one is still there."""

    by: dict[str, dict[str, int]]
    """`status`, `class`, `action`, `code`: number of letters by value, most first."""
    oldest_open: str | None
    """When the oldest open letter was written last (RFC 3339)."""
    headroom: timedelta | None
    """Until retention deletes that letter from its topic; negative: it may be gone there. None: none is open."""


def groups(connection: Connection, condition: Condition, now: datetime, limit: int) -> list[Group]:
    """Return at most `limit` groups, the largest first, counted by the database."""
    column = letters.c
    count = sa.func.count().label("number")
    query = (
        sa.select(
            *_CAUSE,
            count,
            sa.func.min(column.first_time),
            sa.func.max(column.time),
            sa.func.sum(sa.case((column.status == "scheduled", 1), else_=0)),
            sa.func.min(column.id),
        )
        .where(condition)
        .group_by(*_CAUSE)
        .order_by(count.desc(), column.fingerprint)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    marks = [row[0] for row in rows]
    builds, first_seen = _builds(connection, condition, marks), _first_seen(connection, marks)
    newest = timestamp(now - NEW_FOR)
    found = []
    for mark, action, code, kind, number, first, last, waiting, sample in rows:
        cause = (mark, action, code, kind)
        versions, is_new = builds.get(cause, ()), first_seen[cause] >= newest
        found.append(
            Group(mark, action, code, kind, number, first, last, int(waiting), sample, versions, is_new)
        )
    return found


def _builds(connection: Connection, condition: Condition, marks: Sequence[str]) -> dict[Cause, list[str]]:
    column = letters.c
    found: dict[Cause, list[str]] = {}
    for part in chunked(marks, MAX_IDS):
        query = (
            sa.select(*_CAUSE, column.app_version)
            .distinct()
            .where(condition, column.fingerprint.in_(part), column.app_version.is_not(None))
            .order_by(column.app_version)
        )
        for *cause, build in connection.execute(query):
            found.setdefault(tuple(cause), []).append(build)
    return found


def _first_seen(connection: Connection, marks: Sequence[str]) -> dict[Cause, str]:
    """Return when each cause was first seen, whatever has become of those letters."""
    column = letters.c
    found: dict[Cause, str] = {}
    for part in chunked(marks, MAX_IDS):
        query = (
            sa.select(*_CAUSE, sa.func.min(column.first_time))
            .where(column.status.in_(EVERY), column.fingerprint.in_(part))
            .group_by(*_CAUSE)
        )
        found |= {tuple(cause): first for *cause, first in connection.execute(query)}
    return found


def stats(connection: Connection, condition: Condition, now: datetime) -> Stats:
    """Count the letters of the selection."""
    column = letters.c
    by = {
        name: _counted(connection, condition, of)
        for name, of in (
            ("status", column.status),
            ("class", column.failure_class),
            ("action", column.action),
            ("code", column.code),
        )
    }
    oldest = _oldest_open(connection, condition)
    return Stats(by, oldest, _left(oldest, now))


def headroom(connection: Connection, now: datetime) -> timedelta | None:
    """Return how long it is until retention deletes the oldest open letter from its topic; None: none is open."""
    return _left(_oldest_open(connection, Selection().condition(now)), now)


def _oldest_open(connection: Connection, condition: Condition) -> str | None:
    # Each generation is one more record: retention counts from the last.
    query = sa.select(sa.func.min(letters.c.time)).where(condition, letters.c.status.in_(OPEN))
    found: str | None = connection.execute(query).scalar()
    return found


def _left(oldest: str | None, now: datetime) -> timedelta | None:
    return None if oldest is None else parse_timestamp(oldest) + BY_NAME[LETTERS].retention - now


class Count(NamedTuple):
    """How many letters have all of this in common."""

    status: str
    action: str
    code: str
    failure_class: str
    letters: int


def counted(connection: Connection, condition: Condition) -> list[Count]:
    """Count letters by all that tells them apart, at once."""
    column = letters.c
    by = (column.status, column.action, column.code, column.failure_class)
    query = sa.select(*by, sa.func.count()).where(condition).group_by(*by).order_by(*by)
    return [Count(*row) for row in connection.execute(query)]


def _counted(connection: Connection, condition: Condition, of: sa.Column[str]) -> dict[str, int]:
    count = sa.func.count()
    query = sa.select(of, count).where(condition).group_by(of).order_by(count.desc(), of)
    return {value: number for value, number in connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy
