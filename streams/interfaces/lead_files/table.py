"""Reads the rows of separated text (CSV, TSV), and goes on at the next line where a quote is not closed."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice, repeat
from operator import contains

from streams.interfaces.lead_files.rows import BadLine
from streams.interfaces.lead_files.splitting import LONGEST_LINE, lines_of

Record = tuple[int, list[str]]
"""Line where a row begins, counted from 1, and its cells."""

_OPEN = "unexpected end of data"
"""What Python's reader says when the text ends inside a quoted cell."""
_TRUSTED = 4 << 20
"""Characters that may be read in vain behind unclosed quotes; then a quoted cell may have `_WINDOW` lines at most."""
_WINDOW = 64
_BLANK_BEFORE_QUOTE = re.compile(' +"')
_MIN_COLUMNS = 3
"""From so many columns on, a line inside a cell that looks like a row is taken for one."""


class Table:
    """The rows of one text, read by Python's own reader: a list of lines at a time."""

    def __init__(self, texts: Iterable[str], delimiter: str) -> None:
        self._blocks = lines_of(texts)
        self._delimiter = delimiter
        self._wasted = 0
        self.width: int | None = None
        """Number of columns, once the header is known."""

    def __iter__(self) -> Iterator[Record | BadLine]:
        """Yield the rows that have a cell, and the lines that are none."""
        return chain.from_iterable(self.batches())

    def batches(self) -> Iterator[list[Record | BadLine]]:
        """Yield the same in lists: a generator's step per row would cost as much as reading the row."""
        csv.field_size_limit(LONGEST_LINE)
        carried: list[str] = []
        first = 1
        for block in self._blocks:
            lines = carried + (block or [])
            # A quoted cell may go on in the next block, but not in a line that is too long to be read.
            records, carried = self._rows(lines, first, may_go_on=block is not None)
            yield records
            first += len(lines) - len(carried)
            if block is None:
                yield [BadLine(first, "TOO_LARGE", f"the line has more than {LONGEST_LINE} characters")]
                first += 1
        yield self._rows(carried, first, may_go_on=False)[0]

    def _rows(
        self, lines: list[str], first: int, *, may_go_on: bool
    ) -> tuple[list[Record | BadLine], list[str]]:
        """Return what the lines hold, and those of a row at their end that may go on in the next block."""
        records: list[Record | BadLine] = []
        has_blanks = any(map(contains, lines, repeat(' "')))
        at = 0
        while at < len(lines):
            end = len(lines) if self._wasted <= _TRUSTED else min(at + _WINDOW, len(lines))
            start = at
            reader = self._reader(islice(lines, at, end), is_skipping_blanks=has_blanks)
            try:
                for cells in reader:
                    following = at + reader.line_num
                    if following - start > 1 and self._is_swallowing(cells, lines[start:following]):
                        raise csv.Error(_OPEN)
                    if has_blanks:
                        cells = self._with_its_blanks(lines[start:following]) or cells  # noqa: PLW2901
                    if any(cells):
                        records.append((first + start, cells))
                    start = following
                at = end
            except csv.Error as error:
                is_open = str(error) == _OPEN and at + reader.line_num == end
                if is_open and end == len(lines) and may_go_on and _size(lines[start:]) <= LONGEST_LINE:
                    return records, lines[start:]
                if is_open and end < len(lines) and start > at:
                    at = start  # a row in the middle of the window has not had all of it yet
                    continue
                if at + reader.line_num - start > 1:
                    self._wasted += _size(lines[start : at + reader.line_num])
                records.append(_bad(first + start, first + at + reader.line_num - 1, error))
                at = start + 1
        return records, []

    def _reader(self, lines: Iterable[str], *, is_skipping_blanks: bool) -> csv._reader:  # type: ignore[name-defined]
        return csv.reader(lines, delimiter=self._delimiter, strict=True, skipinitialspace=is_skipping_blanks)

    def _with_its_blanks(self, lines: list[str]) -> list[str] | None:
        """Return the cells of a row with blanks as they stand; None when one of them is a blank before a quote.

        Only such a row loses the blanks at the beginning of its cells. What other rows hold does not count: a row has
        to be the same lead, with the same id, in every file.
        """
        try:
            rows = list(self._reader(lines, is_skipping_blanks=False))
        except csv.Error:
            return None
        is_whole = len(rows) == 1 and not any(_BLANK_BEFORE_QUOTE.match(cell) for cell in rows[0])
        return rows[0] if is_whole else None

    def _is_swallowing(self, cells: list[str], lines: list[str]) -> bool:
        """Return whether a row over several lines holds other rows, because a quote in it is not closed."""
        if self.width is None or len(cells) == self.width:
            return False
        if len(cells) > self.width:
            return any(cells[self.width :])
        return self.width >= _MIN_COLUMNS and any(
            len(inner) == self.width
            for line in lines[1:]
            for inner in csv.reader([line], delimiter=self._delimiter)
        )


def _size(lines: list[str]) -> int:
    return sum(map(len, lines))


def _bad(line: int, last: int, error: csv.Error) -> BadLine:
    said = str(error)
    if said == _OPEN:
        reason = f"not CSV: a quote that opens here is not closed (looked for up to line {last})"
    elif last == line and "field larger" in said:
        return BadLine(line, "TOO_LARGE", f"a cell has more than {LONGEST_LINE} characters")
    else:
        until = f" (read from here to line {last})" if last > line else ""
        reason = f"not CSV: {said}{until}; is a quote missing or not doubled?"
    return BadLine(line, "NOT_CSV", f"{reason}; 1 line is left out, reading goes on at line {line + 1}")
