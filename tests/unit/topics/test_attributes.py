"""Where the CloudEvents attributes of a record come from."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from topics.attributes import STRUCTURED, attributes_of, plain_attributes, structured_attributes
from topics.envelope import Headers
from topics.events import LeadReceived
from topics.failures import DecodeError
from topics.record import Position


def test_attributes_and_trace_are_taken_from_headers_and_foreign_headers_are_left() -> None:
    headers: Headers = [
        ("ce_id", b"e-1"),
        ("traceparent", b"00-1"),
        ("Content-Type", b"Application/JSON; charset=utf-8"),
        ("x-tenant", b"\xff"),
    ]

    assert attributes_of(headers) == ({"id": "e-1", "traceparent": "00-1"}, "application/json")


def test_a_record_without_any_ce_header_is_no_event() -> None:
    assert attributes_of([("traceparent", b"00-1"), ("x", None)]) == ({}, "")


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ([("ce_id", b"1"), ("ce_id", b"1")], "ce_id is given twice"),
        ([("content-type", b"a"), ("Content-Type", b"a")], "Content-Type is given twice"),
        ([("ce_id", None)], "ce_id is null"),
        ([("ce_id", b"\xff")], "ce_id is not UTF-8"),
        ([("ce_id", b"1"), ("ce_source", b"")], "attribute source is empty"),
        ([("ce_subject", b"a\tb")], "attribute subject is empty or has a control character"),
    ],
)
def test_a_broken_attribute_is_named(headers: Headers, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        attributes_of(headers)


def test_plain_json_takes_its_attributes_from_its_place() -> None:
    attributes = plain_attributes(Position("t", 1, 2, 0), LeadReceived.type)

    assert (attributes["source"], attributes["time"]) == ("/unknown", "1970-01-01T00:00:00.000000Z")
    assert attributes["id"] != plain_attributes(Position("t", 1, 3, 0), LeadReceived.type)["id"]
    with pytest.raises(DecodeError, match="timestamp 99999999999999999 is not a time"):
        plain_attributes(Position("t", 1, 2, 99999999999999999), LeadReceived.type)


EVENT: dict[str, Any] = {"specversion": "1.0", "id": "e-1", "retries": 3, "vip": True, "gone": None}


def test_a_structured_event_has_attributes_and_data() -> None:
    value = orjson.dumps({**EVENT, "data_base64": base64.b64encode(b'{"a": 1}').decode()})

    assert structured_attributes(value, STRUCTURED) == (
        {"specversion": "1.0", "id": "e-1", "retries": "3", "vip": "true"},
        {"a": 1},
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"data": {}, "data_base64": "e30="}, "both data and data_base64"),
        ({"data_base64": "no base64!"}, "data_base64 is not base64"),
        ({"data_base64": 17}, "data_base64 is not base64"),
        ({"data": {}, "datacontenttype": "text/csv"}, "datacontenttype must be application/json"),
        ({"data": {}, "source": []}, "attribute source must be a text"),
        ({"data": []}, "data is a JSON list"),
        ({"data": {}, "big": "x" * 9000}, "the attributes have .* bytes and may have 8192"),
    ],
)
def test_a_broken_structured_event_is_refused_with_its_fault(more: dict[str, Any], message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        structured_attributes(orjson.dumps({**EVENT, **more}), STRUCTURED)


def test_a_batch_of_structured_events_is_not_read() -> None:
    with pytest.raises(DecodeError, match=r"cloudevents-batch.* is not read here"):
        structured_attributes(b"[]", "application/cloudevents-batch+json")
