"""Parses the JSON of a record within the limits, and names the place of an error."""

from __future__ import annotations

from typing import Any

import orjson

from topics import limits
from topics.failures import DecodeError


def parse_json(value: bytes) -> object:
    """Parse a value. Raises `DecodeError` when it is not valid JSON, or over a limit."""
    limits.check_depth(value)
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise _not_json(value, error) from None
    limits.check_content(value, parsed)
    return parsed


def _not_json(value: bytes, error: orjson.JSONDecodeError) -> DecodeError:
    try:
        value.decode()
    except UnicodeDecodeError as at:
        msg = f"the value is not UTF-8 at byte {at.start}"
        return DecodeError("NOT_UTF8", msg)
    if "surrogate" in error.msg:
        msg = f"the value has a lone surrogate at character {error.pos}; send whole Unicode characters"
        return DecodeError("LONE_SURROGATE", msg)
    msg = f"the value is not JSON: {error.msg.split(':')[0]} at line {error.lineno}, column {error.colno}"
    return DecodeError("NOT_JSON", msg)


def as_object(parsed: object, what: str) -> dict[str, Any]:
    """Return a JSON object; `what` names it in the error. Raises `DecodeError`."""
    if not isinstance(parsed, dict):
        msg = f"{what} is a JSON {type(parsed).__name__} and must be an object"
        raise DecodeError("NOT_AN_OBJECT", msg, failure_class="invalid")
    return parsed
