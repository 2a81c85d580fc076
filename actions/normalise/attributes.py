"""Reads unknown fields and `attributes` as one flat object of limited size."""

from __future__ import annotations

from typing import Any

from actions.normalise.refused import Refused
from actions.normalise.text import block
from topics.events import Reason, Scalar

MAX_ATTRIBUTES = 50
NAME_LENGTH = 100
TEXT_LENGTH = 2_000

_NESTED = "The field holds a list or an object; only text, numbers, true and false are kept, so send it flat."


def read_attributes(
    extras: dict[str, Any], attributes: dict[str, Any] | None, reasons: list[Reason]
) -> dict[str, Scalar]:
    """Return both as one flat object, and add the `reasons` against them.

    `attributes` wins where both have a name. Blank text and null are absent.
    """
    kept: dict[str, Scalar] = {}
    for name, value in extras.items():
        _keep(name, name, value, kept, reasons)
    for name, value in (attributes or {}).items():
        _keep(name, f"attributes.{name}", value, kept, reasons)
    if len(kept) > MAX_ATTRIBUTES:
        message = (
            f"The lead has {len(kept)} attributes; at most {MAX_ATTRIBUTES} are kept, so leave some out."
        )
        reasons.append(Reason(field="attributes", code="TOO_MANY_ATTRIBUTES", message=message))
    return kept


def _keep(name: str, field: str, value: object, kept: dict[str, Scalar], reasons: list[Reason]) -> None:
    if len(name) > NAME_LENGTH:
        message = f"The name has {len(name)} characters; at most {NAME_LENGTH} are allowed, so shorten it."
        reasons.append(Reason(field=f"{field[:NAME_LENGTH]}…", code="NAME_TOO_LONG", message=message))
    elif isinstance(value, str):
        try:
            text = block(value, TEXT_LENGTH)
        except Refused as refused:
            reasons.append(Reason(field=field, code=refused.code, message=refused.message))
        else:
            if text is not None:
                kept[name] = text
    elif isinstance(value, (dict, list, tuple)):
        reasons.append(Reason(field=field, code="NESTED_FIELD", message=_NESTED))
    elif isinstance(value, (int, float)):
        kept[name] = value
