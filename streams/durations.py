"""Read durations as people write them: `30s`, `10m`, `6h`, `35d`, or a number of seconds."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TEXT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|)\s*", re.ASCII)


def parse_duration(value: object) -> timedelta:
    """Duration of a text or a number of seconds. Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        msg = "must be a duration like 30s, 10m, 6h or 35d"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns a ValueError into its own
    match = _TEXT.fullmatch(str(value))
    if match is None:
        msg = "must be a duration like 30s, 10m, 6h or 35d"
        raise ValueError(msg)
    try:
        return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    except OverflowError:
        msg = "must be a duration like 30s, 10m, 6h or 35d, and is longer than can be counted"
        raise ValueError(msg) from None


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
