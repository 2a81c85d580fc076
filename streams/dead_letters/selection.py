"""Selections of dead letters, the same for every command and every HTTP request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, Self, get_args

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.engine import Connection
from sqlalchemy.sql.elements import ColumnElement

from streams.dead_letters.where import WhereError, parse_where
from streams.durations import parse_duration
from streams.store.letters import DISCARDED, EVERY, OPEN, SCHEDULED
from streams.store.schema import letters
from topics.envelope import timestamp
from topics.letter import FailureClass

STATUSES = ("open", *EVERY, "all")
"""Values of `status`."""
USUAL_STATUS = {"restore": DISCARDED, "unschedule": SCHEDULED}
"""Default status for these commands; for all others it is `open`."""
SHORTEST_ID = 6
"""Least number of characters of an id that name a letter."""
ID_START = re.compile(f"[0-9a-f-]{{{SHORTEST_ID},36}}")
GROUP = re.compile("[0-9a-f]{12}")
FAILURE_CLASSES: tuple[str, ...] = get_args(FailureClass)
LATEST = datetime(3000, 1, 1, tzinfo=UTC)
"""Bound of due times: a letter with a later one is not valid."""

Condition = ColumnElement[bool]
"""A selection as a condition on the index of letters."""


class SelectionError(ValueError):
    """A selection is invalid; the message is one sentence with the option, its value and the next step."""


class Selection(BaseModel):
    """Options that select letters."""

    # A letter must match all options, and any value of an option with several. Values are kept as people write them.
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: Annotated[list[str], Field(description="A letter's id, or its first six characters or more.")] = []
    status: Annotated[
        list[str],
        Field(description="May be repeated; `open` means scheduled, parked and replaying."),
    ] = []
    group: Annotated[list[str], Field(description="A group of one cause; `groups` lists them.")] = []
    action: Annotated[list[str], Field(description="The action that failed.")] = []
    class_: Annotated[list[str], Field(alias="class", description="poison, transient, defect, …")] = []
    code: Annotated[list[str], Field(description="The reason: SMTP_REFUSED, …")] = []
    lead: Annotated[list[str], Field(description="The lead's id.")] = []
    key: Annotated[list[str], Field(description="The record's key.")] = []
    since: Annotated[
        str | None, Field(description="First failed at or after this moment, or at most so long ago (3d).")
    ] = None
    until: Annotated[
        str | None, Field(description="First failed before this moment, or longer ago than this.")
    ] = None
    generation: Annotated[str | None, Field(description="Number of failed replays: 0, or 1-3.")] = None
    app_version: Annotated[list[str], Field(description="The build that failed.")] = []
    where: Annotated[str | None, Field(description="E.g. `code = NOT_JSON and first_seen < -3d`.")] = None

    def or_status(self, status: str) -> Self:
        """Return the selection with this status, unless it names a status or letters by their ids."""
        return self if self.status or self.id else self.model_copy(update={"status": [status]})

    @property
    def statuses(self) -> tuple[str, ...]:
        """The selected statuses. Raise `SelectionError` for an unknown one."""
        several = {"open": OPEN, "all": EVERY}
        for name in self.status:
            if name not in STATUSES:
                raise SelectionError(f"--status {name!r} is not a status; one of {', '.join(STATUSES)}")
        # A letter that is named by its id is selected in any status.
        names = self.status or ["all" if self.id else "open"]
        return tuple(dict.fromkeys(name for status in names for name in several.get(status, (status,))))

    @property
    def is_everything(self) -> bool:
        """Whether the selection has no option but a status."""
        return not any(getattr(self, name) for name in Selection.model_fields if name != "status")

    def as_options(self) -> str:
        """Return the selection as options of a command, for the head of a plan."""
        return " ".join(
            f"--{option_name(name)} {text}"
            for name in Selection.model_fields
            if (values := getattr(self, name))
            for text in ([values] if isinstance(values, str) else values)
        )

    def condition(self, now: datetime) -> Condition:
        """Return the selection as a condition on the index. Raise `SelectionError` for an obvious slip."""
        return sa.and_(sa.true(), *self._conditions(now))

    def _conditions(self, now: datetime) -> Iterator[Condition]:
        column = letters.c
        if self.id:
            ids = (_checked_id(text.strip().lower()) for text in self.id)
            yield sa.or_(*(column.id.startswith(text, autoescape=True) for text in ids))
        for values, compared in (
            (self.statuses, column.status),
            ([_checked_group(text) for text in self.group], column.fingerprint),
            ([name.replace("_", "-") for name in self.action], column.action),
            ([_checked_class(text) for text in self.class_], column.failure_class),
            ([code.upper() for code in self.code], column.code),
            (self.lead, column.lead_id),
            (self.app_version, column.app_version),
            ([key.encode(errors="surrogateescape") for key in self.key], column.record_key),
        ):
            if values:
                yield compared.in_(values)
        # Timestamps have one form and zone, so their texts sort like the moments.
        since = read_moment("--since", self.since, now) if self.since else None
        until = read_moment("--until", self.until, now) if self.until else None
        if since is not None and until is not None and since >= until:
            raise SelectionError(f"--since {timestamp(since)} is not before --until {timestamp(until)}")
        if since is not None:
            yield column.first_time >= timestamp(since)
        if until is not None:
            yield column.first_time < timestamp(until)
        if self.generation:
            yield column.generation.between(*read_generations(self.generation))
        if self.where:
            try:
                yield parse_where(self.where, now)
            except WhereError as error:
                raise SelectionError(str(error)) from None


def option_name(field: str) -> str:
    """Return the name of the option of a field, without its dashes."""
    return field.rstrip("_").replace("_", "-")


def _checked_id(text: str) -> str:
    if ID_START.fullmatch(text) is None:
        raise SelectionError(
            f"--id {text!r} is not an id of a letter, nor its first {SHORTEST_ID} characters or more"
        )
    return text


def _checked_group(text: str) -> str:
    if GROUP.fullmatch(text) is None:
        raise SelectionError(
            f"--group {text!r} is not a group: 12 hex digits; `leads dead-letters groups` lists them"
        )
    return text


def _checked_class(text: str) -> str:
    if text not in FAILURE_CLASSES:
        near = get_close_matches(text, FAILURE_CLASSES, 1)
        hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(FAILURE_CLASSES)}"
        raise SelectionError(f"--class {text!r} is not a class of failures; {hint}")
    return text


def read_moment(option: str, text: str, now: datetime) -> datetime:
    """Return the moment `2026-11-23`, `2026-11-23T20:15:00Z`, or so long ago: `90m`, `3d`. Raise `SelectionError`."""
    try:
        return now - parse_duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        msg = f"{option} {text!r} is not a moment; write 2026-11-23T20:15:00Z, 2026-11-23, or how long ago: 90m, 3d"
        raise SelectionError(msg) from None


def read_due(option: str, text: str, now: datetime) -> datetime:
    """Return a future moment, written as a moment or as the time until it: `2h`, `3d`. Raise `SelectionError`."""
    try:
        due = now + parse_duration(text)
    except ValueError:
        due = read_moment(option, text, now)
    except OverflowError:
        due = LATEST
    if not now < due < LATEST:
        what = "is over" if due <= now else "is too far away"
        raise SelectionError(f"{option} {text!r} {what}; write a moment in the future, or 2h, 3d")
    return due


def read_generations(text: str) -> tuple[int, int]:
    """Return the bounds of `2` or `1-3`, both included. Raise `SelectionError`."""
    match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", text.strip())
    if match is None:
        raise SelectionError(f"--generation {text!r} is not a generation; write 2, or 1-3")
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last:
        raise SelectionError(f"--generation {first}-{last} runs backwards")
    return first, last


# ---------------------------------------------------------------------------------------------------- in the index


def select(connection: Connection, condition: Condition, *, limit: int | None = None) -> list[str]:
    """Return the ids of the letters, oldest first."""
    query = sa.select(letters.c.id).where(condition).order_by(letters.c.first_time, letters.c.id)
    return list(connection.execute(query if limit is None else query.limit(limit)).scalars())


def indexed_since(
    connection: Connection, condition: Condition, since_us: int, limit: int
) -> dict[tuple[str, int], int]:
    """Return the letters, by id and generation, that were indexed since then, with that moment; oldest first."""
    query = (
        sa.select(letters.c.id, letters.c.generation, letters.c.indexed_at)
        .where(condition, letters.c.indexed_at >= since_us)
        .order_by(letters.c.indexed_at, letters.c.id)
        .limit(limit)
    )
    return {(letter_id, generation): at for letter_id, generation, at in connection.execute(query)}


def count(connection: Connection, condition: Condition) -> int:
    """Count the letters."""
    return connection.execute(sa.select(sa.func.count()).select_from(letters).where(condition)).scalar_one()
