"""One lead as it stands in a file, or one line that is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from topics.events import Note


@dataclass(slots=True)
class Row:
    """One lead as it stands in the file."""

    # Not frozen: a frozen dataclass sets its fields three times as slowly, once per lead of the file.
    line: int
    """Line where it begins, counted from 1."""
    lead: dict[str, Any]
    attributes: dict[str, str] = field(default_factory=dict)
    """CloudEvents attributes of the row, without `ce_`: `id`, `time`, …"""
    notes: tuple[Note, ...] = ()
    """What was done to the row before anything of the lead was read."""
    dated_by: str | None = None
    """Text of the time column, when the row's time comes from there: it is part of what makes the lead this lead."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is not a lead. `reason` names field and position and repeats no value."""

    line: int
    code: str
    reason: str
    field: str = ""
    """Field or column that is the reason, where there is one."""


def split_fields(line: int, fields: dict[str, Any]) -> Row | BadLine:
    """Return the row of a JSON object, whose `ce_` fields are attributes of the event."""
    attributes = {}
    for name in [name for name in fields if name.startswith("ce_")]:
        value = fields.pop(name)
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, str | int):
            return BadLine(line, "BAD_ATTRIBUTE", f"{name[:60]}: must be text", name[:60])
        attributes[name[3:]] = str(value)
    return Row(line, fields, attributes)
