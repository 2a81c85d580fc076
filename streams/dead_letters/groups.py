"""Counts dead letters in groups of one cause, and by status, class, action and code."""

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
"""A group counts as new while its first failure is not older than this."""


@dataclass(frozen=True, slots=True)
class Group:
    """Letters of one cause: same exception, same place in our code, same code, same action."""

    fingerprint: str
    action: str
    code: str
    failure_class: str
    count: int
    first_seen: str
    """RFC 3339 UTC."""
    last_seen: str
    scheduled: int
    """Letters that workers retry automatically."""
    sample: str
    """Id of one of the letters."""
    versions: Sequence[str]
    """Builds that failed, sorted by name."""
    is_new: bool
    """Whether the group was first seen within `NEW_FOR`; resolved letters count too."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Letters by status, class, action and code, and how long the topic keeps the oldest open one."""

    by: dict[str, dict[str, int]]
    """`status`, `class`, `action`, `code`: number of letters by value, most first."""
    oldest_open: str | None
    """When the oldest open letter was last written (RFC 3339)."""
    headroom: timedelta | None
    """Time until retention deletes that letter from its topic; negative: it may be deleted. None: no letter is open."""


def groups(connection: Connection, condition: Condition, now: datetime, limit: int) -> list[Group]:
    """Return at most `limit` groups, the largest first."""
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
    fingerprints = [row[0] for row in rows]
    builds = _builds(connection, condition, fingerprints)
    first_seen = _first_seen(connection, fingerprints)
    newest = timestamp(now - NEW_FOR)
    result = []
    for fingerprint, action, code, kind, number, first, last, scheduled, sample in rows:
        cause = (fingerprint, action, code, kind)
        versions, is_new = builds.get(cause, ()), first_seen[cause] >= newest
        result.append(Group(*cause, number, first, last, int(scheduled), sample, versions, is_new))
    return result


def _builds(
    connection: Connection, condition: Condition, fingerprints: Sequence[str]
) -> dict[Cause, list[str]]:
    column = letters.c
    builds: dict[Cause, list[str]] = {}
    for part in chunked(fingerprints, MAX_IDS):
        query = (
            sa.select(*_CAUSE, column.app_version)
            .distinct()
            .where(condition, column.fingerprint.in_(part), column.app_version.is_not(None))
            .order_by(column.app_version)
        )
        for *cause, build in connection.execute(query):
            builds.setdefault(tuple(cause), []).append(build)
    return builds


def _first_seen(connection: Connection, fingerprints: Sequence[str]) -> dict[Cause, str]:
    """Return when each cause was first seen, in letters of any status."""
    column = letters.c
    first_seen: dict[Cause, str] = {}
    for part in chunked(fingerprints, MAX_IDS):
        query = (
            sa.select(*_CAUSE, sa.func.min(column.first_time))
            .where(column.status.in_(EVERY), column.fingerprint.in_(part))
            .group_by(*_CAUSE)
        )
        first_seen |= {tuple(cause): first for *cause, first in connection.execute(query)}
    return first_seen


def stats(connection: Connection, condition: Condition, now: datetime) -> Stats:
    """Count the letters of a selection."""
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
    return Stats(by, oldest, _time_left(oldest, now))


def headroom(connection: Connection, now: datetime) -> timedelta | None:
    """Return the time until retention deletes the oldest open letter from its topic; None: no letter is open."""
    return _time_left(_oldest_open(connection, Selection().condition(now)), now)


def _oldest_open(connection: Connection, condition: Condition) -> str | None:
    # Retention counts from the last generation, since each is a record of its own.
    query = sa.select(sa.func.min(letters.c.time)).where(condition, letters.c.status.in_(OPEN))
    oldest: str | None = connection.execute(query).scalar()
    return oldest


def _time_left(oldest: str | None, now: datetime) -> timedelta | None:
    return None if oldest is None else parse_timestamp(oldest) + BY_NAME[LETTERS].retention - now


class Count(NamedTuple):
    """Number of letters with these four values."""

    status: str
    action: str
    code: str
    failure_class: str
    letters: int


def counted(connection: Connection, condition: Condition) -> list[Count]:
    """Count letters by status, action, code and class in one query."""
    column = letters.c
    by = (column.status, column.action, column.code, column.failure_class)
    query = sa.select(*by, sa.func.count()).where(condition).group_by(*by).order_by(*by)
    return [Count(*row) for row in connection.execute(query)]


def _counted(connection: Connection, condition: Condition, of: sa.Column[str]) -> dict[str, int]:
    count = sa.func.count()
    query = sa.select(of, count).where(condition).group_by(of).order_by(count.desc(), of)
    return {value: number for value, number in connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy
