"""This file reads a Kafka record as an event and its envelope: binary, structured or plain JSON."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any, NamedTuple, Protocol

import orjson
from pydantic import ValidationError

from topics import ids, limits
from topics.envelope import Envelope, Headers, parse_timestamp, timestamp, timestamp_of_ms
from topics.events import Event, LeadReceived
from topics.failures import DecodeError

STRUCTURED = "application/cloudevents+json"
PLAIN_SOURCE = "/unknown"
_TRACE = ("traceparent", "tracestate")
_OWN_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


class Record(Protocol):
    """A Kafka record as aiokafka hands it over."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Any: ...  # noqa: ANN401 - a sequence of (str, bytes | None)


class Position(NamedTuple):
    """Where a record was first consumed; a replayed record keeps the one it had."""

    topic: str
    partition: int
    offset: int
    timestamp: int

    @classmethod
    def of(cls, record: Record) -> Position:
        """Position of a record that is read for the first time."""
        return cls(record.topic, record.partition, record.offset, record.timestamp)

    def __str__(self) -> str:
        """`topic/partition/offset`, as `ce_position` has it."""
        return f"{self.topic}/{self.partition}/{self.offset}"


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
    limits.check_sizes(value, headers, is_public=expected is LeadReceived)
    attributes, content_type = _attributes(headers)
    if content_type.startswith("application/cloudevents"):
        attributes, data = _structured(value, content_type)
    else:
        if not attributes and expected is LeadReceived:
            attributes = _plain(position)
        elif content_type != "application/json" and not content_type.endswith("+json"):
            raise _bad_content_type(content_type)
        data = _object(_parse(value), "the value")
    envelope = _envelope(attributes, expected, position)
    return Decoded(envelope, _validate(data, expected), _digest(data) if expected is LeadReceived else None)


def _attributes(headers: Headers) -> tuple[dict[str, str], str]:
    found: dict[str, str] = {}
    is_event = False
    for name, value in headers:
        if name.startswith("ce_"):
            attribute, is_event = name[3:], True
        elif name in _TRACE or name.lower() == "content-type":
            attribute = name.lower()
        else:
            continue
        if attribute in found:
            msg = f"header {name[:60]} is given twice; send it once"
            raise DecodeError("DUPLICATE_ATTRIBUTE", msg)
        try:
            found[attribute] = value.decode()  # type: ignore[union-attr]  # null is told below
        except (UnicodeDecodeError, AttributeError):
            raise _unreadable(name, value) from None
    # One look at all of them: control characters are rare, and a look at each costs more than the decoding.
    if limits.has_control(" ".join(found.values())) or "" in found.values():
        name = next(name for name, text in found.items() if not text or limits.has_control(text))
        msg = f"attribute {name[:60]} is empty or has a control character"
        raise DecodeError("BAD_ATTRIBUTE", msg)
    content_type = found.pop("content-type", "").partition(";")[0].strip().lower()
    return (found if is_event else {}), content_type


def _unreadable(name: str, value: bytes | None) -> DecodeError:
    if value is None:
        return DecodeError("BAD_ATTRIBUTE", f"header {name[:60]} is null; leave it out or give it a value")
    return DecodeError("BAD_ATTRIBUTE", f"header {name[:60]} is not UTF-8")


def _plain(position: Position) -> dict[str, str]:
    try:
        time = timestamp_of_ms(position.timestamp)
    except (ValueError, OverflowError, OSError):
        msg = f"the record's timestamp {position.timestamp} is no time; write milliseconds since the epoch"
        raise DecodeError("BAD_TIMESTAMP", msg) from None
    return {
        "specversion": "1.0",
        "id": ids.plain_id(position.topic, position.partition, position.offset),
        "source": PLAIN_SOURCE,
        "type": LeadReceived.type,
        "time": time,
    }


def _bad_content_type(content_type: str) -> DecodeError:
    if not content_type:
        msg = "header content-type is missing; send application/json"
        return DecodeError("MISSING_ATTRIBUTE", msg)
    msg = f"content-type {content_type[:60]!r} is not read here; send application/json or {STRUCTURED}"
    return DecodeError("BAD_ATTRIBUTE", msg)


def _parse(value: bytes) -> object:
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


def _object(parsed: object, what: str) -> dict[str, Any]:
    if not isinstance(parsed, dict):
        msg = f"{what} is a JSON {type(parsed).__name__} and must be an object"
        raise DecodeError("NOT_AN_OBJECT", msg, failure_class="invalid")
    return parsed


def _structured(value: bytes, content_type: str) -> tuple[dict[str, str], dict[str, Any]]:
    if content_type != STRUCTURED:
        raise _bad_content_type(content_type)
    whole = _object(_parse(value), "the structured event")
    data = whole.pop("data", None)
    encoded = whole.pop("data_base64", None)
    if encoded is not None:
        if data is not None:
            msg = "the structured event has both data and data_base64; send one"
            raise DecodeError("DUPLICATE_ATTRIBUTE", msg)
        try:
            data = _parse(base64.b64decode(encoded, validate=True))
        except (binascii.Error, TypeError, ValueError) as error:
            if isinstance(error, DecodeError):
                raise
            msg = "data_base64 is not base64"
            raise DecodeError("BAD_ATTRIBUTE", msg) from None
    content = whole.pop("datacontenttype", None)
    if content is not None and not (isinstance(content, str) and "json" in content):
        msg = "datacontenttype must be application/json"
        raise DecodeError("BAD_ATTRIBUTE", msg)
    attributes = {name: _structured_text(name, item) for name, item in whole.items() if item is not None}
    size = sum([len(name) + len(text.encode()) for name, text in attributes.items()])
    if size > limits.MAX_HEADERS:  # they become headers of what follows
        msg = f"the attributes have {size} bytes and may have {limits.MAX_HEADERS}"
        raise DecodeError("TOO_LARGE", msg)
    return attributes, _object(data, "data")


def _structured_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str) or not value or limits.has_control(value):
        msg = f"attribute {name[:60]} must be a text that is not empty"
        raise DecodeError("BAD_ATTRIBUTE", msg)
    return value


_OWN = frozenset({
    "specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype", "correlationid",
    "position", "causationid", "workflow", "origin", "expirytime", *_TRACE,
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
    begins = expected is LeadReceived
    expiry = attributes.get("expirytime")
    return Envelope(
        id=event_id,
        source=source,
        type=found_type,
        time=_time(attributes, "time"),
        correlation_id=ids.run_id(source, event_id) if begins else _need(attributes, "correlationid"),
        position=str(position) if begins else _need(attributes, "position"),
        causation_id=None if begins else attributes.get("causationid"),
        workflow=None if begins else attributes.get("workflow"),
        origin=origin,
        expiry_time=None if expiry is None else _time(attributes, "expirytime"),
        trace=tuple([(name, attributes[name]) for name in _TRACE if name in attributes]),
        extensions=tuple([(name, text) for name, text in attributes.items() if name not in _OWN]),
    )


def _need(attributes: dict[str, str], name: str) -> str:
    try:
        return attributes[name]
    except KeyError:
        msg = f"attribute ce_{name} is missing"
        raise DecodeError("MISSING_ATTRIBUTE", msg) from None


def _time(attributes: dict[str, str], name: str) -> str:
    text = _need(attributes, name)
    try:
        moment = parse_timestamp(text)
        return text if _OWN_TIME.fullmatch(text) else timestamp(moment)
    except (ValueError, OverflowError):
        msg = f"attribute ce_{name} is no RFC 3339 time with a zone; write it like 2026-11-23T20:15:00Z"
        raise DecodeError("BAD_ATTRIBUTE", msg) from None


def _validate(data: dict[str, Any], expected: type[Event]) -> Event:
    try:
        return expected.__pydantic_validator__.validate_python(data)  # type: ignore[no-any-return]
    except ValidationError as error:
        raise _invalid(error) from None


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
