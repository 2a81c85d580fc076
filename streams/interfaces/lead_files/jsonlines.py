"""Reads leads from JSON Lines: one JSON object per line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

import orjson

from streams.interfaces.lead_files.columns import FIELDS, shown
from streams.interfaces.lead_files.lines import Lines
from streams.interfaces.lead_files.rows import BadLine, Row, split_fields
from streams.interfaces.lead_files.source import StoppedError
from streams.interfaces.lead_files.splitting import LONGEST_LINE, lines_of
from streams.interfaces.lead_files.times import own_time
from streams.interfaces.lead_files.titles import alias_of

Line = tuple[int, "str | bytes | None"]
"""Number of a line and its text; None when it is too long to be read."""
_BOM = "\ufeff"
_BOM_BYTES = b"\xef\xbb\xbf"
_MAX_NAMES = 200
_KNOWN = FIELDS | {"consent", "attributes"}


def text_lines(texts: Iterable[str]) -> Iterator[Line]:
    """Yield the lines of a decoded text."""
    number = 0
    for block in lines_of(texts):
        for line in [None] if block is None else block:
            number += 1
            # Files that were joined have a byte order mark in the middle.
            yield number, line if line is None else line.lstrip(_BOM)


def pipe_lines(lines: Lines) -> Iterator[Line]:
    """Yield the lines of a pipe as they come."""
    for raw in lines:
        yield lines.number, None if len(raw) > LONGEST_LINE else raw.removeprefix(_BOM_BYTES)


class JsonLeads:
    """The leads of one text of JSON Lines; knows which fields it met that a lead does not have."""

    def __init__(self, lines: Iterable[Line], time_field: str | None = None) -> None:
        """`time_field` is the top-level field that is taken for the time of a lead without `ce_time`."""
        self._lines = lines
        self._time_field = time_field
        self.unknown: dict[str, None] = {}
        """Names of further fields, in the order met, at most `_MAX_NAMES`."""

    def rows(self) -> Iterator[Row | BadLine]:
        """Yield every lead and every bad line, in order."""
        with suppress(StoppedError):
            for number, raw in self._lines:
                if raw is None:
                    yield BadLine(number, "TOO_LARGE", f"the line has more than {LONGEST_LINE} characters")
                elif text := raw.rstrip():  # leading blanks stay: the reported column counts them
                    yield self._row(number, text)

    def _row(self, line: int, text: str | bytes) -> Row | BadLine:
        try:
            parsed = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            return BadLine(line, *_why_no_json(text, error))
        if not isinstance(parsed, dict):
            return BadLine(line, "NOT_AN_OBJECT", f"is a JSON {type(parsed).__name__} but must be an object")
        row = split_fields(line, parsed)
        if isinstance(row, Row):
            if self._time_field is not None:
                self._date(row, self._time_field)
            if not parsed.keys() <= _KNOWN:
                self._meet(parsed)
        return row

    def _date(self, row: Row, field: str) -> None:
        value = row.lead.get(field)
        if not isinstance(value, str) or not value.strip() or "time" in row.attributes:
            return
        moment, row.notes = own_time(value, shown(field))
        if moment is not None:
            row.attributes["time"], row.dated_by = moment, value.strip()
            del row.lead[field]

    def _meet(self, fields: dict[str, object]) -> None:
        if len(self.unknown) < _MAX_NAMES:
            self.unknown.update(dict.fromkeys(name for name in fields if name not in _KNOWN))

    def warnings(self) -> list[str]:
        """Return what to say about fields that were met: JSON has the fields' own names only."""
        others: frozenset[str] = frozenset()
        hints = [(name, alias_of(name, others)) for name in self.unknown]
        return [
            f'the JSON field "{shown(name)}" is kept as an attribute; if it is the {alias.field}, name it so'
            for name, alias in hints
            if alias is not None
        ]


def _why_no_json(text: str | bytes, error: orjson.JSONDecodeError) -> tuple[str, str]:
    if isinstance(text, bytes):
        try:
            text.decode()
        except UnicodeDecodeError as at:
            return "NOT_UTF8", f"not UTF-8 at byte {at.start + 1}"
    return "NOT_JSON", f"not JSON at column {error.colno}: {error.msg.partition(':')[0]}"
