"""What is told about a file: how it was read, and what was done to its leads, by reason and column."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from actions.normalise.consent import consent_role
from streams.interfaces.lead_files.columns import Column, shown

What = Literal["skipped", "rejected", "noted"]
_EXAMPLES = 5
_MAX_SUMS = 500
_OTHERS = "…"


@dataclass(slots=True)
class FileReport:
    """How a file was read."""

    format: str
    encoding: str
    separator: str | None = None
    """Name of the separator of a CSV file."""
    header_line: int | None = None
    columns: list[Column] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)

    @property
    def unknown(self) -> list[Column]:
        """Return the columns that are kept as attributes because no table knows them."""
        return [
            column for column in self.columns if column.group == "attributes" and meaning_of(column) == ""
        ]

    def as_data(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "format": self.format,
            "encoding": self.encoding,
            "separator": self.separator,
            "header_line": self.header_line,
            "columns": [
                {
                    "number": column.number,
                    "title": shown(column.title),
                    "target": shown(column.target),
                    "known_from": column.source or None,
                    "consent": consent_role(column.name) if column.group == "attributes" else None,
                    "without": column.prefix or None,
                }
                for column in self.columns
            ],
            "unknown_columns": [shown(column.title) or shown(column.name) for column in self.unknown],
            "warnings": self.warnings,
        }


def meaning_of(column: Column) -> str:
    """Return what a column is taken for, as people read it; empty for an attribute that no table knows."""
    if column.group != "attributes":
        return shown(column.target)
    role = consent_role(column.name)
    return role if role is not None else shown(column.target) if column.is_exact else ""


@dataclass(slots=True)
class Sum:
    """How often one thing was done for one reason."""

    what: What
    field: str
    code: str
    said: str
    """The sentence of the first case."""
    count: int = 0
    lines: list[int] = dataclasses.field(default_factory=list)
    """The first lines."""

    def as_data(self) -> dict[str, Any]:
        """Return the sum as JSON has it."""
        return {
            "what": self.what,
            "field": self.field or None,
            "code": self.code,
            "message": self.said,
            "count": self.count,
            "first_lines": self.lines,
        }


class Sums:
    """Counts by what was done, field and code."""

    def __init__(self) -> None:
        self._sums: dict[tuple[What, str, str], Sum] = {}

    def add(self, what: What, field_name: str, code: str, said: str, line: int) -> None:
        """Count one case."""
        key = (what, field_name, code)
        found = self._sums.get(key)
        if found is None:
            if len(self._sums) >= _MAX_SUMS:  # JSON Lines may have any number of fields
                key = (what, _OTHERS, code)
            name = shown(key[1])
            found = self._sums.setdefault(key, Sum(what, name, code, said))
        found.count += 1
        if len(found.lines) < _EXAMPLES and line not in found.lines:
            found.lines.append(line)

    def most_frequent(self) -> list[Sum]:
        """Return the sums: what is lost first, then the most frequent."""
        order = ("skipped", "rejected", "noted")
        return sorted(
            self._sums.values(), key=lambda each: (order.index(each.what), -each.count, each.field, each.code)
        )
