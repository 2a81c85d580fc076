"""Checks raw bytes before and right after parsing: size, depth, characters and numbers."""

from __future__ import annotations

import re
from typing import Any

from topics.envelope import Headers
from topics.failures import DecodeError
from topics.letter import PREFIX
from topics.registry import BY_NAME, KIB, LETTERS

MAX_VALUE = 256 * KIB
MAX_HEADERS = 8 * KIB
MAX_STATED = 960 * KIB
"""Bytes of a result: its topic takes a MiB, headers included. A contact may be larger than any lead about it."""
MAX_STATED_HEADERS = 2 * MAX_HEADERS
"""Of a result: those that are carried on, and its own."""
MAX_LETTER = BY_NAME[LETTERS].max_message_bytes - 4 * KIB
"""Bytes of a dead letter, all headers included. A record that was compressed on its topic may exceed it."""
MAX_DEPTH = 32
MAX_ATTRIBUTE = 500
"""Characters of an id or a source: they are keys of indexes."""
MAX_NUMBER = 2**53

# The closing quote is optional and the body possessive: text that never ends is passed over once, not once per quote.
_BRACKETS_OUTSIDE_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_MAY_HIDE_CONTROL = re.compile(rb"\\u|\\[bf]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def check_sizes(value: bytes, headers: Headers, *, is_public: bool) -> None:
    """Raise DecodeError TOO_LARGE when the value or the headers (a letter's own not counted) are over the limit.

    Public records (`is_public`) have a lower limit than our results about them, or the next step would refuse these.
    """
    most_bytes, most_headers = (MAX_VALUE, MAX_HEADERS) if is_public else (MAX_STATED, MAX_STATED_HEADERS)
    if len(value) > most_bytes:
        msg = f"the value has {len(value)} bytes and may have {most_bytes}"
        raise DecodeError("TOO_LARGE", msg)
    if sum([len(name) + len(content or b"") for name, content in headers]) <= most_headers:
        return
    size = sum(len(name) + len(content or b"") for name, content in headers if not name.startswith(PREFIX))
    if size > most_headers:
        msg = f"the headers have {size} bytes and may have {most_headers}"
        raise DecodeError("TOO_LARGE", msg)


def fits_a_letter(key: bytes | None, value: bytes | None, headers: Headers) -> bool:
    """Whether the topic of dead letters takes a record with these headers, a letter's own included."""
    framing = 12
    size = sum(len(name.encode()) + len(content or b"") + framing for name, content in headers)
    return len(key or b"") + len(value or b"") + size <= MAX_LETTER


def check_depth(value: bytes) -> None:
    """Raise DecodeError TOO_DEEP when JSON nests deeper than the limit; nothing is parsed for that."""
    if value.count(b"[") + value.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _BRACKETS_OUTSIDE_STRINGS.finditer(value):
        first = match.group()[:1]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                msg = f"the JSON nests deeper than {MAX_DEPTH} levels at byte {match.start()}"
                raise DecodeError("TOO_DEEP", msg)
        elif first != b'"':
            depth -= 1


def check_content(raw: bytes, parsed: object) -> None:
    """Raise DecodeError for C0 control characters (except tab and line ends) and numbers outside +-2^53."""
    # The walk costs more than parsing did. JSON without a backslash has no control character, or it would be none.
    if (b"\\" in raw and _MAY_HIDE_CONTROL.search(raw)) or _has_huge_number(parsed):
        _walk(parsed, "")


def _has_huge_number(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether there is a number outside +-2^53; strings, nearly all of a lead, cost next to nothing here."""
    for item in value.values() if type(value) is dict else value if type(value) is list else (value,):
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is dict or kind is list:
            if _has_huge_number(item):
                return True
        elif not -MAX_NUMBER <= item <= MAX_NUMBER:
            return True
    return False


def _walk(value: Any, path: str) -> None:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        if match := _CONTROL.search(value):
            found = f"control character U+{ord(match.group()):04X} at position {match.start()}"
            raise DecodeError("CONTROL_CHARACTER", f"{path or 'the value'} has {found}; remove it")
    elif isinstance(value, dict):
        for name, item in value.items():
            if match := _CONTROL.search(name):
                msg = f"a field name in {path or 'the value'} has a control character at position {match.start()}"
                raise DecodeError("CONTROL_CHARACTER", msg)
            _walk(item, f"{path}.{name[:40]}" if path else name[:40])
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _walk(item, f"{path}[{index}]")
    elif isinstance(value, int | float) and not -MAX_NUMBER <= value <= MAX_NUMBER:
        msg = f"{path or 'the value'} is a number outside +-2^53; send it as a string"
        raise DecodeError("NUMBER_OUT_OF_RANGE", msg)


_CONTROL_IN_ATTRIBUTE = re.compile("[\x00-\x1f\x7f-\x9f]")


def has_control(text: str) -> bool:
    """Whether an attribute's text has a control character; line ends are some there (CloudEvents 1.0, type String)."""
    return not text.isprintable() and _CONTROL_IN_ATTRIBUTE.search(text) is not None
