"""Finds the CloudEvents attributes of a record: in its headers, in a structured event, or by its place."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from topics import ids, limits
from topics.envelope import Headers, timestamp_of_ms
from topics.failures import DecodeError
from topics.parsing import as_object, parse_json
from topics.record import Position

STRUCTURED = "application/cloudevents+json"
PLAIN_SOURCE = "/unknown"
TRACE = ("traceparent", "tracestate")


def attributes_of(headers: Headers) -> tuple[dict[str, str], str]:
    """Return the attributes (without `ce_`) and the content type, in lower case. Raises `DecodeError`."""
    found: dict[str, str] = {}
    is_event = False
    for name, value in headers:
        if name.startswith("ce_"):
            attribute, is_event = name[3:], True
        elif name in TRACE or name.lower() == "content-type":
            attribute = name.lower()
        else:
            continue
        if attribute in found:
            msg = f"header {name[:60]} is given twice; send it once"
            raise DecodeError("DUPLICATE_ATTRIBUTE", msg)
        try:
            found[attribute] = value.decode()  # type: ignore[union-attr]  # null is reported below
        except (UnicodeDecodeError, AttributeError):
            raise _unreadable(name, value) from None
    # One search over all of them: control characters are rare, and searching each costs more than the decoding.
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


def time_of_record(position: Position) -> str:
    """Return the record's timestamp as `ce_time` is written. Raises `DecodeError`."""
    try:
        return timestamp_of_ms(position.timestamp)
    except (ValueError, OverflowError, OSError):
        msg = f"the record's timestamp {position.timestamp} is not a time; write milliseconds since the epoch"
        raise DecodeError("BAD_TIMESTAMP", msg) from None


def plain_attributes(position: Position, event_type: str) -> dict[str, str]:
    """Return the attributes of plain JSON, which brings none: they follow from its place and its topic's type.

    Raises `DecodeError`.
    """
    return {
        "specversion": "1.0",
        "id": ids.plain_id(position.topic, position.partition, position.offset),
        "source": PLAIN_SOURCE,
        "type": event_type,
        "time": time_of_record(position),
    }


def bad_content_type(content_type: str) -> DecodeError:
    """Return the error of a content type that is missing or not read here."""
    if not content_type:
        msg = "header content-type is missing; send application/json"
        return DecodeError("MISSING_ATTRIBUTE", msg)
    msg = f"content-type {content_type[:60]!r} is not read here; send application/json or {STRUCTURED}"
    return DecodeError("BAD_ATTRIBUTE", msg)


def structured_attributes(value: bytes, content_type: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Return attributes and data of a structured event. Raises `DecodeError`."""
    if content_type != STRUCTURED:
        raise bad_content_type(content_type)
    whole = as_object(parse_json(value), "the structured event")
    data = whole.pop("data", None)
    encoded = whole.pop("data_base64", None)
    if encoded is not None:
        if data is not None:
            msg = "the structured event has both data and data_base64; send one"
            raise DecodeError("DUPLICATE_ATTRIBUTE", msg)
        try:
            data = parse_json(base64.b64decode(encoded, validate=True))
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
    return attributes, as_object(data, "data")


def _structured_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str) or not value or limits.has_control(value):
        msg = f"attribute {name[:60]} must be a text that is not empty"
        raise DecodeError("BAD_ATTRIBUTE", msg)
    return value
