"""Splits decoded text into lines, whichever line end it has."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator

from topics.limits import MAX_VALUE

LONGEST_LINE = 4 * MAX_VALUE
"""Longest line in characters (bytes, while a pipe is followed): JSON in a file may be wider than the record sent."""

_END = re.compile("\r\n|\n|\r(?!$)")
"""A carriage return at the very end may be half of a line end."""
_OTHER_ENDS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def lines_of(texts: Iterable[str]) -> Iterator[list[str] | None]:
    """Yield lists of lines with their line ends (LF, CR LF or CR), and None for each line that is too long."""
    rest = ""
    is_skipping = False
    for piece in texts:
        text = rest + piece if rest else piece
        if is_skipping:
            end = _END.search(text)
            if end is None:
                rest = text[-1:] if text.endswith("\r") else ""
                continue
            is_skipping, text = False, text[end.end() :]
        cut = max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1)) + 1
        rest = text[cut:]
        if cut:
            yield from _bounded(_split(text[:cut]))
        if len(rest) > LONGEST_LINE:
            yield None
            is_skipping, rest = True, rest[-1:] if rest.endswith("\r") else ""
    if rest and not is_skipping:
        yield from _bounded(_split(rest))


def _split(text: str) -> list[str]:
    # str.splitlines is faster than StringIO, but splits at U+2028 and others too, which are no line ends here.
    if any(map(text.__contains__, _OTHER_ENDS)):
        return list(io.StringIO(text, newline=""))
    return text.splitlines(keepends=True)


def _bounded(lines: list[str]) -> Iterator[list[str] | None]:
    if len(max(lines, key=len)) <= LONGEST_LINE:
        yield lines
        return
    for line in lines:
        yield None if len(line) > LONGEST_LINE else [line]
