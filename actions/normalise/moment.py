"""Reads moments: RFC 3339 with a zone, spelled in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from actions.normalise.refused import Refused, Remark, Remarks
from topics.envelope import plain_utc

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:[Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)


def normalise_moment(text: str, remarks: Remarks | None = None) -> str | None:
    """UTC with microseconds, e.g. `2026-11-23T20:15:00.000000Z`; None when blank.

    A moment without a zone, or a date alone, is read in UTC, and `remarks` gets that. Raises `Refused` (TIME_INVALID).
    """
    text = text.strip()
    if not text:
        return None
    try:
        plain = plain_utc(text)
    except ValueError:
        plain = None
    if plain is not None:
        return plain
    moment = _moment(text.upper()) if _RFC_3339.fullmatch(text) else _without_zone(text, remarks)
    if moment is None:
        raise Refused(
            "TIME_INVALID", "The time is not RFC 3339 with a zone; write it like YYYY-MM-DDTHH:MM:SSZ."
        )
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


_ZONELESS = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d(?:\.\d{1,12})?)?)?", re.ASCII)
_WITH_SHORT_ZONE = re.compile(r"(.+[+-]\d\d)(\d\d)", re.ASCII)


def _without_zone(text: str, remarks: Remarks | None) -> datetime | None:
    short = _WITH_SHORT_ZONE.fullmatch(text)  # +0000, as Meta writes it
    if short is not None and _RFC_3339.fullmatch(full := f"{short.group(1)}:{short.group(2)}"):
        return _moment(full.upper())
    match = _ZONELESS.fullmatch(text)
    if match is None:
        return None
    moment = _moment(f"{match.group(1)}T{match.group(2) or '00:00'}{match.group(3) or ':00'}Z")
    if moment is not None and remarks is not None:
        remarks.append(Remark("ZONE_ASSUMED", "The time has no zone and was read in UTC."))
    return moment


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # a 30th of February, or the zone leads out of the years 1 to 9999
        return None
