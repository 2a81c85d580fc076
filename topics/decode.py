"""Reads a Kafka record as an event and its envelope: binary, structured or plain JSON."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import orjson
from pydantic import ValidationError

from topics import ids, limits
from topics.attributes import (
    TRACE,
    attributes_of,
    bad_content_type,
    plain_attributes,
    structured_attributes,
    time_of_record,
)
from topics.envelope import (
    MAX_AHEAD,
    Envelope,
    Headers,
    parse_timestamp,
    plain_utc,
    timestamp,
    timestamp_of_ms,
)
from topics.events import Event, LeadReceived
from topics.failures import DecodeError
from topics.parsing import as_object, parse_json
from topics.record import Position, Record

__all__ = ["Decoded", "Position", "Record", "decode"]


class Decoded(NamedTuple):
    """One record, read."""

    envelope: Envelope
    event: Event
    digest: bytes | None
    """16 bytes over the parsed data of a public event, the same however the JSON was written; None on ours."""


def decode(value: bytes | None, headers: Headers, expected: type[Event], position: Position) -> Decoded:
    """Read one record of the topic that carries `expected`. Raises `DecodeError` with a stable code."""
    if value is None:
        msg = "the record has no value (a tombstone); publish the lead as a JSON object"
        raise DecodeError("TOMBSTONE", msg)
    limits.check_sizes(value, headers, is_public=expected.is_public)
    attributes, content_type = attributes_of(headers)
    if content_type.startswith("application/cloudevents"):
        attributes, data = structured_attributes(value, content_type)
    else:
        if not attributes and expected.is_public:
            attributes = plain_attributes(position, expected.type)
        elif content_type != "application/json" and not content_type.endswith("+json"):
            raise bad_content_type(content_type)
        data = as_object(parse_json(value), "the value")
    envelope = _envelope(attributes, expected, position)
    event = _validate(data, expected)
    if not expected.is_public:
        return Decoded(envelope, event, None)
    _check_lead_id(event)
    return Decoded(envelope, event, _digest(data))


_OWN = frozenset({
    "specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype", "correlationid",
    "position", "causationid", "workflow", "origin", "expirytime", "effect", "effectref", *TRACE,
})  # fmt: skip
_ORIGINS = frozenset({"live", "import", "replay", "backfill"})


def _envelope(attributes: dict[str, str], expected: type[Event], position: Position) -> Envelope:
    if _need(attributes, "specversion") != "1.0":
        msg = f"ce_specversion is {attributes['specversion'][:20]!r} and must be 1.0"
        raise DecodeError("BAD_ATTRIBUTE", msg)
    found_type = _need(attributes, "type")
    if found_type != expected.type:
        msg = f"ce_type {found_type[:80]!r} does not belong on this topic; it carries {expected.type}"
        raise DecodeError("UNKNOWN_TYPE", msg, failure_class="invalid")
    event_id, source = _need(attributes, "id"), _need(attributes, "source")
    for name, text in (("id", event_id), ("source", source)):
        if len(text) > limits.MAX_ATTRIBUTE:
            msg = f"attribute ce_{name} has {len(text)} characters and may have {limits.MAX_ATTRIBUTE}"
            raise DecodeError("BAD_ATTRIBUTE", msg)
    origin = attributes.get("origin", "live")
    if origin not in _ORIGINS:
        msg = f"ce_origin is {origin[:20]!r} and must be one of {', '.join(sorted(_ORIGINS))}"
        raise DecodeError("BAD_ATTRIBUTE", msg)
    begins = expected.is_public
    expiry = attributes.get("expirytime")
    time, is_time_replaced = (
        _time_of_lead(attributes, position) if begins else (_time(attributes, "time"), False)
    )
    return Envelope(
        # By place: sixteen names cost as much as half of this function.
        event_id,
        source,
        found_type,
        time,
        ids.run_id(source, event_id) if begins else _need(attributes, "correlationid"),
        str(position) if begins else _need(attributes, "position"),
        None if begins else attributes.get("causationid"),
        None if begins else attributes.get("workflow"),
        origin,
        None if expiry is None else _time(attributes, "expirytime"),
        () if attributes.keys().isdisjoint(TRACE) else _trace(attributes),
        () if attributes.keys() <= _OWN else _extensions(attributes),
        # Headers of a call are believed only where only we write; on a public topic anyone could claim a call.
        None if begins else attributes.get("effect"),
        None if begins else attributes.get("effectref"),
        position.timestamp if begins and position.timestamp > 0 else None,
        is_time_replaced,
        _ignored(attributes) if begins and not attributes.keys().isdisjoint(_OURS) else (),
    )


_OURS = ("effect", "effectref")


def _trace(attributes: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple([(name, attributes[name]) for name in TRACE if name in attributes])


def _extensions(attributes: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple([(name, text) for name, text in attributes.items() if name not in _OWN])


def _ignored(attributes: dict[str, str]) -> tuple[str, ...]:
    return tuple(name for name in _OURS if name in attributes)


def _time_of_lead(attributes: dict[str, str], position: Position) -> tuple[str, bool]:
    """Return the time that orders a public event, and whether the record's timestamp replaces its own.

    It does when the event has none, and when its own lies in the future: every later correction would lose against it.
    """
    if "time" not in attributes:
        return time_of_record(position), False
    time = _time(attributes, "time")
    if position.timestamp <= 0 or time <= _limit_of_minute(position.timestamp // _MINUTE_MS):
        return time, False
    if datetime.fromisoformat(time).timestamp() * 1000 <= position.timestamp + _MAX_AHEAD_MS:
        return time, False
    return time_of_record(position), True


_MINUTE_MS = 60_000
_MAX_AHEAD_MS = MAX_AHEAD.total_seconds() * 1000


@lru_cache(maxsize=64)
def _limit_of_minute(minute: int) -> str:
    """Return a time that no time in this minute is more than `MAX_AHEAD` before; "" beyond the year 9999."""
    try:
        return timestamp_of_ms(int(minute * _MINUTE_MS + _MAX_AHEAD_MS))
    except (ValueError, OverflowError, OSError):
        return ""


def _need(attributes: dict[str, str], name: str) -> str:
    try:
        return attributes[name]
    except KeyError:
        msg = f"attribute ce_{name} is missing"
        raise DecodeError("MISSING_ATTRIBUTE", msg) from None


def _time(attributes: dict[str, str], name: str) -> str:
    text = _need(attributes, name)
    try:
        return plain_utc(text) or timestamp(parse_timestamp(text))
    except (ValueError, OverflowError):
        msg = f"attribute ce_{name} is not an RFC 3339 time with a zone; write it like 2026-11-23T20:15:00Z"
        raise DecodeError("BAD_ATTRIBUTE", msg) from None


def _validate(data: dict[str, Any], expected: type[Event]) -> Event:
    # Readers of our own events are open: a worker of the next build may state a field that this one does not know.
    # Writers are closed (`Value`); extra fields of a public lead become attributes.
    extra: Literal["ignore"] | None = None if expected.is_public else "ignore"
    try:
        return expected.__pydantic_validator__.validate_python(data, extra=extra)  # type: ignore[no-any-return]
    except ValidationError as error:
        if expected is LeadReceived:
            return _loosely(data, error)
        raise _invalid(error) from None


def _loosely(data: dict[str, Any], error: ValidationError) -> Event:
    """Return the lead with every value of another type among its extra fields, as it came.

    Such a value costs the field and not the lead; the action decides what it means.
    """
    misfits = {
        str(item["loc"][0]): data[str(item["loc"][0])]
        for item in error.errors(include_url=False, include_input=False)
    }
    lead_id = misfits.get("lead_id")
    fitting = {name: value for name, value in data.items() if name not in misfits}
    if isinstance(lead_id, int) and not isinstance(lead_id, bool):
        fitting["lead_id"] = str(misfits.pop("lead_id"))
    event = LeadReceived.__pydantic_validator__.validate_python(fitting)
    event.extras.update(misfits)
    return event  # type: ignore[no-any-return]


def _check_lead_id(event: Event) -> None:
    length = len(event.lead_id or "")
    if length > limits.MAX_ATTRIBUTE:  # it becomes a key of indexes and an attribute of every result
        msg = f"lead_id has {length} characters and may have {limits.MAX_ATTRIBUTE}"
        raise DecodeError("TOO_LONG", msg, failure_class="invalid")


_CODES = {"extra_forbidden": "UNKNOWN_FIELD", "missing": "MISSING_FIELD"}


def _invalid(error: ValidationError) -> DecodeError:
    # include_input=False: what a person typed must not reach letters or logs.
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    first = problems[0]
    where = ", ".join(
        f"{'.'.join(str(part)[:40] for part in item['loc'])}: {item['msg']}" for item in problems[:5]
    )
    return DecodeError(_CODES.get(first["type"], "WRONG_TYPE"), where, failure_class="invalid")


def _digest(data: dict[str, Any]) -> bytes:
    return hashlib.blake2b(orjson.dumps(data, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
