"""This file says which dead letters are meant: the same words for every command that works with several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.elements import ColumnElement

from streams.dead_letters.where import WhereError, parse_where
from streams.durations import parse_duration
from streams.store.letters import EVERY, OPEN
from streams.store.schema import letters
from topics.envelope import timestamp
from topics.letter import FailureClass

GROUP = re.compile("[0-9a-f]{12}")
SHORTEST_ID = 6
FAILURE_CLASSES: tuple[str, ...] = get_args(FailureClass)
LATEST = datetime(3000, 1, 1, tzinfo=UTC)
"""Later than this nothing is scheduled: letters with such times are none."""


class SelectorError(ValueError):
    """A selector cannot be used; the message is one sentence that names the option, its value and the next step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Letters that all of what is given holds for; of several values of one option, any."""

    ids: Sequence[str] = ()
    """Ids, or their first characters, at least six."""
    statuses: Sequence[str] = OPEN
    groups: Sequence[str] = ()
    """Fingerprints: 12 hex digits."""
    actions: Sequence[str] = ()
    """Kebab-case names."""
    classes: Sequence[str] = ()
    codes: Sequence[str] = ()
    leads: Sequence[str] = ()
    keys: Sequence[str] = ()
    """Record keys as text."""
    since: datetime | None = None
    """First failure at this moment or later."""
    until: datetime | None = None
    """First failure before this moment."""
    generations: tuple[int, int] | None = None
    """From, to, both included."""
    app_versions: Sequence[str] = ()
    """Builds that failed."""
    where: ColumnElement[bool] | None = None
    """What `streams.dead_letters.where` read."""

    def __post_init__(self) -> None:
        """Refuse what can select nothing. Raises `SelectorError`."""
        for text in self.ids:
            if not re.fullmatch(f"[0-9a-f-]{{{SHORTEST_ID},36}}", text):
                msg = f"--id {text!r} is no id of a letter, nor its first {SHORTEST_ID} characters or more"
                raise SelectorError(msg)
        for text in self.groups:
            if GROUP.fullmatch(text) is None:
                msg = f"--group {text!r} is no group: 12 hex digits; `leads dead-letters groups` lists them"
                raise SelectorError(msg)
        for text in self.classes:
            if text not in FAILURE_CLASSES:
                near = get_close_matches(text, FAILURE_CLASSES, 1)
                hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(FAILURE_CLASSES)}"
                raise SelectorError(f"--class {text!r} is no class of failures; {hint}")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise SelectorError(
                f"--since {timestamp(self.since)} is not before --until {timestamp(self.until)}"
            )
        if self.generations is not None and self.generations[0] > self.generations[1]:
            raise SelectorError(f"--generation {self.generations[0]}-{self.generations[1]} runs backwards")

    def condition(self) -> ColumnElement[bool]:
        """Give it as a condition on the table of letters."""
        return sa.and_(sa.true(), *self._conditions())

    def _conditions(self) -> Iterator[ColumnElement[bool]]:
        column = letters.c
        if self.ids:
            yield sa.or_(*(column.id.startswith(text, autoescape=True) for text in self.ids))
        for values, wanted in (
            (self.statuses, column.status),
            (self.groups, column.fingerprint),
            (self.actions, column.action),
            (self.classes, column.failure_class),
            (self.codes, column.code),
            (self.leads, column.lead_id),
            (self.app_versions, column.app_version),
            ([key.encode(errors="surrogateescape") for key in self.keys], column.record_key),
        ):
            if values:
                yield wanted.in_(values)
        # Texts of one form and zone: they sort as the moments do.
        if self.since is not None:
            yield column.first_time >= timestamp(self.since)
        if self.until is not None:
            yield column.first_time < timestamp(self.until)
        if self.generations is not None:
            yield column.generation.between(*self.generations)
        if self.where is not None:
            yield self.where

    @property
    def is_everything(self) -> bool:
        """Whether nothing was given but a status."""
        given = (getattr(self, each.name) for each in fields(self) if each.name != "statuses")
        return all(each is None or (isinstance(each, Sequence) and not each) for each in given)


def select(connection: Connection, selector: Selector, *, limit: int | None = None) -> list[str]:
    """Give the ids of the letters, oldest first."""
    query = sa.select(letters.c.id).where(selector.condition()).order_by(letters.c.first_time, letters.c.id)
    return list(connection.execute(query if limit is None else query.limit(limit)).scalars())


def indexed_since(
    connection: Connection, selector: Selector, since_us: int, limit: int
) -> dict[tuple[str, int], int]:
    """Give the letters, by id and generation, that were indexed since then, with that moment; oldest first."""
    query = (
        sa.select(letters.c.id, letters.c.generation, letters.c.indexed_at)
        .where(selector.condition(), letters.c.indexed_at >= since_us)
        .order_by(letters.c.indexed_at, letters.c.id)
        .limit(limit)
    )
    return {(letter_id, generation): at for letter_id, generation, at in connection.execute(query)}


def count(connection: Connection, selector: Selector) -> int:
    """Count the letters."""
    query = sa.select(sa.func.count()).select_from(letters).where(selector.condition())
    return connection.execute(query).scalar_one()


def read_selector(now: datetime, **words: str | Sequence[str] | None) -> Selector:
    """Read a selector as people write it: by name of the option, `class_` for `class`. Raises `SelectorError`."""

    def several(name: str) -> Sequence[str]:
        given = words.get(name) or ()
        return [given] if isinstance(given, str) else given

    def one(name: str) -> str | None:
        return next(iter(several(name)), None)

    since, until, generation, expression = one("since"), one("until"), one("generation"), one("where")
    try:
        where = None if expression is None else parse_where(expression, now)
    except WhereError as error:
        raise SelectorError(str(error)) from None
    ids = [text.strip().lower() for text in several("id")]
    return Selector(
        ids=ids,
        # Who names a letter means it, whatever has become of it.
        statuses=_statuses(several("status") or (["all"] if ids else [])),
        groups=several("group"),
        actions=[name.replace("_", "-") for name in several("action")],
        classes=several("class_"),
        codes=[code.upper() for code in several("code")],
        leads=several("lead"),
        keys=several("key"),
        since=None if since is None else read_moment("--since", since, now),
        until=None if until is None else read_moment("--until", until, now),
        generations=None if generation is None else read_generations(generation),
        app_versions=several("app_version"),
        where=where,
    )


def _statuses(given: Sequence[str]) -> Sequence[str]:
    several = {"open": OPEN, "all": EVERY}
    for name in given:
        if name not in several and name not in EVERY:
            raise SelectorError(f"--status {name!r} is none; one of open, {', '.join(EVERY)}, all")
    return tuple(
        dict.fromkeys(name for status in given or ("open",) for name in several.get(status, (status,)))
    )


def read_moment(option: str, text: str, now: datetime) -> datetime:
    """Read `2026-11-23`, `2026-11-23T20:15:00Z` or how long ago: `90m`, `3d`. Raises `SelectorError`."""
    try:
        return now - parse_duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        msg = f"{option} {text!r} is no moment; write 2026-11-23T20:15:00Z, 2026-11-23, or how long ago: 90m, 3d"
        raise SelectorError(msg) from None


def read_due(option: str, text: str, now: datetime) -> datetime:
    """Read a moment that is to come, or in how long: `2h`, `3d`. Raises `SelectorError`."""
    try:
        due = now + parse_duration(text)
    except ValueError:
        due = read_moment(option, text, now)
    except OverflowError:
        due = LATEST
    if not now < due < LATEST:
        what = "is over" if due <= now else "is too far away"
        raise SelectorError(f"{option} {text!r} {what}; write a moment that is to come, or 2h, 3d")
    return due


def read_generations(text: str) -> tuple[int, int]:
    """Read `2` or `1-3`. Raises `SelectorError`."""
    found = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", text.strip())
    if found is None:
        raise SelectorError(f"--generation {text!r} is no generation; write 2, or 1-3")
    return int(found[1]), int(found[2] or found[1])
