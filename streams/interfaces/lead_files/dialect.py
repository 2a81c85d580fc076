"""Finds separator and header of a CSV file in its first lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from streams.interfaces.lead_files.columns import IDENTITIES, fields_of
from streams.interfaces.lead_files.rows import BadLine
from streams.interfaces.lead_files.source import LeadFileError
from streams.interfaces.lead_files.table import Record, Table

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_NAMES = {**{name: separator for separator, name in SEPARATORS.items()}, "\\t": "\t"}
_ROWS = 50
"""Rows that are looked at; the header is one of the first."""
_PIECE = 1 << 13
_SEP_LINE = re.compile(r'\s*"?sep=(?P<separator>.)"?[,;|\t]*\s*', re.IGNORECASE)
_ADDRESS = re.compile(r"[^@\s]@[^@\s]+\.[^@\s]")


class Dialect(NamedTuple):
    """How a CSV file is written."""

    separator: str
    header: Record | None
    """None when the file holds nothing but blank lines."""
    before: int
    """Number of lines before the header that hold something."""
    rows: tuple[list[str], ...]
    """A few rows below the header."""

    @property
    def separator_name(self) -> str:
        """Name for people."""
        return SEPARATORS.get(self.separator, repr(self.separator))


def separator_of(given: str) -> str:
    """Return the separator of `--delimiter`. Raise `LeadFileError`."""
    separator = _NAMES.get(given.lower(), given)
    if len(separator) != 1 or separator in '"\r\n\ufeff' or separator.isalnum():
        raise LeadFileError(
            f"--delimiter: {given[:20]!r} is no separator; write comma, semicolon, tab, pipe or one sign"
        )
    return separator


def find_dialect(head: str, preferred: str, given: str | None) -> Dialect:
    """Return how the text that begins with `head` is written.

    `preferred` is the separator taken when nothing speaks for another one; `given` is obeyed.
    """
    said = _said(head)
    if given is None and said is None:
        ordered = [preferred, *(separator for separator in SEPARATORS if separator != preferred)]
        candidates = [_read(head, separator, said=None) for separator in ordered]
        return max(candidates, key=_score)
    return _read(head, given or said or preferred, said=said)


def _said(head: str) -> str | None:
    """Return the separator of a line `sep=;`, which spreadsheets put first."""
    first = head.lstrip("\r\n").partition("\n")[0].partition("\r")[0]
    match = _SEP_LINE.fullmatch(first)
    return None if match is None else match["separator"]


def _read(head: str, separator: str, *, said: str | None) -> Dialect:
    read = (row for row in Table(_pieces(head), separator) if not isinstance(row, BadLine))
    rows = [row for row in islice(read, _ROWS) if any(cell.strip() for cell in row[1])]
    first = 1 if said is not None else 0
    place = _header(rows[first:])
    if place is None:
        return Dialect(separator, None, 0, ())
    place += first
    return Dialect(separator, rows[place], place - first, tuple(cells for _, cells in rows[place + 1 :]))


def _pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces, so that no more of it is read than is looked at."""
    return (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))


def _header(rows: Sequence[Record]) -> int | None:
    """Return which row is the header: the one with the most known titles; what stands before it is shorter."""
    best, most, widest = None, 0, 0
    for number, (_, cells) in enumerate(rows):
        filled = sum(1 for cell in cells if cell.strip())
        if filled > widest:
            fields = fields_of(cells)
            is_data = any(_ADDRESS.search(cell) for cell in cells)
            if not is_data and not IDENTITIES.isdisjoint(fields) and len(fields) > most:
                best, most = number, len(fields)
            widest = filled
    if best is None and rows:
        return max(range(min(len(rows), _ROWS)), key=lambda number: (_filled(rows[number]), -number))
    return best


def _filled(row: Record) -> int:
    return sum(1 for cell in row[1] if cell.strip())


def _score(dialect: Dialect) -> tuple[bool, int, float, int]:
    """Return how much speaks for a separator; among equals the first counts."""
    if dialect.header is None:
        return (False, 0, 0.0, 0)
    fields = fields_of(dialect.header[1])
    width = len(dialect.header[1])
    alike = sum(1 for cells in dialect.rows if len(cells) == width) if width > 1 else 0
    share = alike / len(dialect.rows) if dialect.rows else float(width > 1)
    return (not IDENTITIES.isdisjoint(fields), len(fields), share, width if share else 0)
