"""Reads moments: RFC 3339 with a zone, spelled in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from actions.normalise.refused import Refused

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:[Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)

_WHOLE_SECONDS_UTC = len("YYYY-MM-DDTHH:MM:SSZ")


def normalise_moment(text: str) -> str | None:
    """UTC with microseconds, e.g. `2026-11-23T20:15:00.000000Z`; None when blank.

    Raises `Refused` (TIME_INVALID).
    """
    text = text.strip()
    if not text:
        return None
    moment = _moment(text.upper()) if _RFC_3339.fullmatch(text) else None
    if moment is None:
        raise Refused(
            "TIME_INVALID", "The time is not RFC 3339 with a zone; write it like YYYY-MM-DDTHH:MM:SSZ."
        )
    if (
        len(text) == _WHOLE_SECONDS_UTC
    ):  # the most frequent form; formatting a moment costs more than parsing one
        return f"{text[:10]}T{text[11:19]}.000000Z"
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # a 30th of February, or the zone leads out of the years 1 to 9999
        return None
