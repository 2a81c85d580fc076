"""This file holds the lines of a plan to their form: a job must not find out half-way that one says nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any

from streams.dead_letters.prediction import VERDICTS

_ID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_HEAD: dict[str, tuple[type, ...]] = {
    "made": (str,),
    "app_version": (str,),
    "selector": (str,),
    "stale": (str, NoneType),
}
_ITEM: dict[str, tuple[type, ...]] = {
    "id": (str,),
    "generation": (int,),
    "edits": (int,),
    "sha256": (str, NoneType),
    "code": (str,),
    "result_id": (str, NoneType),
    "would": (dict,),
    "owner": (str, NoneType),
    "late": (str, NoneType),
    "unchanged": (bool,),
}


def first_slip(head: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> str | None:
    """Say which line is none, and why; None: all are."""
    for number, slip in enumerate((_slip_of_head(head), *map(_slip_of_item, items)), 1):
        if slip is not None:
            return f"line {number} {slip}"
    for letter, times in Counter(item["id"] for item in items).items():
        if times > 1:
            return f"letter {letter} stands there {times} times"
    return None


def _slip_of_head(found: Mapping[str, Any]) -> str | None:
    slip = _slip(found, _HEAD)
    if slip is None and found["stale"] not in (None, "run", "skip"):
        return f"says stale {found['stale']!r}, which is neither run nor skip"
    return slip


def _slip_of_item(found: Mapping[str, Any]) -> str | None:
    slip = _slip(found, _ITEM)
    if slip is not None:
        return slip
    if _ID.fullmatch(found["id"]) is None or _ID.fullmatch(found["result_id"] or found["id"]) is None:
        return "has an id that is none"
    if found["would"].get("verdict") not in VERDICTS:
        return "says what would come of its letter in words that this build does not know"
    return None


def _slip(found: Mapping[str, Any], of: Mapping[str, tuple[type, ...]]) -> str | None:
    for name, kinds in of.items():
        if name not in found:
            return f"lacks {name!r}"
        if not isinstance(found[name], kinds):
            return f"has a {name!r} of another kind"
    return None
