"""Holds the decoder to the public contract: three ways to write an event, and a stable code for every broken one."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from streams.testing import event_headers
from topics import ids
from topics.decode import Decoded, Position, decode
from topics.envelope import Envelope, Headers
from topics.events import LeadMatched, LeadReceived
from topics.failures import DecodeError
from topics.registry import KIB

HERE = Position("crm.leads.received.v1", 3, 17, 1_795_420_800_000)
BODY: dict[str, Any] = {"email": "jane@example.com", "lead_id": "L1", "budget": 5}


def read(value: bytes | None, headers: Headers | None = None) -> Decoded:
    return decode(value, headers or [], LeadReceived, HERE)


def refusal(value: bytes | None, headers: Headers | None = None) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        read(value, headers)
    return caught.value


ENVELOPE = Envelope(
    id="e-1",
    source="/web",
    type="crm.lead.received.v1",
    time="2026-11-23T08:00:00.000000Z",
    correlation_id=ids.run_id("/web", "e-1"),
    position="crm.leads.received.v1/3/17",
    record_ms=HERE.timestamp,
)


def test_a_binary_event_is_read_with_its_attributes_and_unknown_ones_are_carried() -> None:
    headers = [*event_headers("e-1", time="2026-11-23T09:00:00+01:00", tenant="acme"), ("x-other", b"1")]

    found = read(orjson.dumps(BODY), headers)

    assert found.envelope == ENVELOPE._replace(extensions=(("tenant", "acme"),))
    assert isinstance(found.event, LeadReceived)
    assert (found.event.email, found.event.extras) == ("jane@example.com", {"budget": 5})


@pytest.mark.parametrize("is_encoded", [False, True])
def test_a_structured_event_has_the_same_content_as_a_binary_one(*, is_encoded: bool) -> None:
    attributes = {"specversion": "1.0", "id": "e-1", "source": "/web", "type": "crm.lead.received.v1"}
    body = {"data_base64": base64.b64encode(orjson.dumps(BODY)).decode()} if is_encoded else {"data": BODY}
    value = orjson.dumps({**attributes, "time": "2026-11-23T08:00:00Z", **body})

    found = read(value, [("content-type", b"application/cloudevents+json; charset=utf-8")])

    assert found == read(orjson.dumps(BODY), event_headers("e-1"))


def test_plain_json_is_given_an_envelope_by_its_place() -> None:
    found = read(orjson.dumps(BODY), [("some-header", b"x")])

    event_id = str(ids.derive(HERE.topic, 3, 17))
    assert found.envelope == ENVELOPE._replace(
        id=event_id,
        source="/unknown",
        time="2026-11-23T08:00:00.000000Z",
        correlation_id=str(ids.derive("/unknown", event_id)),
    )


@pytest.mark.parametrize("write", [to_binary, to_structured])
def test_what_the_official_library_writes_is_read(
    write: Callable[[CloudEvent, JSONFormat], KafkaMessage],
) -> None:
    attributes = {"id": "e-1", "source": "/web", "type": "crm.lead.received.v1", "tenant": "acme"}
    event = CloudEvent(attributes={**attributes, "datacontenttype": "application/json"}, data=BODY)
    message = write(event, JSONFormat())
    headers: Headers = list(message.headers.items())

    found = read(message.value, headers)

    assert (found.envelope.id, found.envelope.source, found.envelope.extensions) == (
        "e-1",
        "/web",
        (("tenant", "acme"),),
    )


def test_the_digest_depends_on_content_and_not_on_spelling() -> None:
    a = read(b'{"email":"j@example.com","city":"Bonn"}', event_headers("1"))
    b = read(b'{ "city": "Bonn", "email": "j@example.com" }', event_headers("1"))
    c = read(b'{"email":"j@example.com","city":"Berlin"}', event_headers("1"))

    assert a.digest == b.digest != c.digest


def without(name: str) -> Headers:
    return [(key, value) for key, value in event_headers("e-1") if key != name]


def replaced(name: str, value: bytes | None) -> Headers:
    return [(key, value if key == name else old) for key, old in event_headers("e-1")]


GOOD = orjson.dumps(BODY)


@pytest.mark.parametrize(
    ("value", "headers", "code", "failure_class"),
    [
        (None, [], "TOMBSTONE", "poison"),
        (b"", [], "NOT_JSON", "poison"),
        (b"\xff\xfe", [], "NOT_UTF8", "poison"),
        (b'{"email": "a', [], "NOT_JSON", "poison"),
        (b'{"budget": NaN}', [], "NOT_JSON", "poison"),
        (b'{"budget": Infinity}', [], "NOT_JSON", "poison"),
        (b'{"name": "a\\u0000b"}', [], "CONTROL_CHARACTER", "poison"),
        (b'{"a\\u0001": 1}', [], "CONTROL_CHARACTER", "poison"),
        (b'{"attributes": {"x": "\\u001b[31m"}}', [], "CONTROL_CHARACTER", "poison"),
        (b'{"name": "\\ud83d"}', [], "LONE_SURROGATE", "poison"),
        (b'{"budget": 9007199254740993}', [], "NUMBER_OUT_OF_RANGE", "poison"),
        (b'{"budget": -1e300}', [], "NUMBER_OUT_OF_RANGE", "poison"),
        (b'{"x": ' + b"[" * 40 + b"]" * 40 + b"}", [], "TOO_DEEP", "poison"),
        (b'{"message": "' + b"x" * 256 * KIB + b'"}', [], "TOO_LARGE", "poison"),
        (GOOD, [("x", b"y" * 9 * KIB)], "TOO_LARGE", "poison"),
        (b"[]", [], "NOT_AN_OBJECT", "invalid"),
        (orjson.dumps({"lead_id": "x" * 501}), [], "TOO_LONG", "invalid"),
        (GOOD, [*event_headers("e-1"), ("ce_id", b"e-2")], "DUPLICATE_ATTRIBUTE", "poison"),
        (GOOD, replaced("ce_id", None), "BAD_ATTRIBUTE", "poison"),
        (GOOD, replaced("ce_id", b""), "BAD_ATTRIBUTE", "poison"),
        (GOOD, replaced("ce_id", b"a\nb"), "BAD_ATTRIBUTE", "poison"),
        (GOOD, replaced("ce_source", b"\xff"), "BAD_ATTRIBUTE", "poison"),
        (GOOD, replaced("ce_id", b"x" * 501), "BAD_ATTRIBUTE", "poison"),
        (GOOD, replaced("ce_specversion", b"0.3"), "BAD_ATTRIBUTE", "poison"),
        (GOOD, replaced("ce_time", b"yesterday"), "BAD_ATTRIBUTE", "poison"),
        (GOOD, replaced("ce_time", b"2026-11-23T08:00:00"), "BAD_ATTRIBUTE", "poison"),
        (GOOD, replaced("content-type", b"text/csv"), "BAD_ATTRIBUTE", "poison"),
        (GOOD, without("ce_id"), "MISSING_ATTRIBUTE", "poison"),
        (GOOD, without("content-type"), "MISSING_ATTRIBUTE", "poison"),
        (GOOD, replaced("ce_type", b"crm.lead.lost.v1"), "UNKNOWN_TYPE", "invalid"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_code(
    value: bytes | None, headers: Headers, code: str, failure_class: str
) -> None:
    error = refusal(value, headers)

    assert (error.code, error.failure_class) == (code, failure_class)


def test_the_message_names_the_field_and_never_the_value() -> None:
    error = refusal(orjson.dumps({"email": "jane@example.com", "name": "Jane\u0001"}))

    assert "name" in error.message
    assert "ane" not in error.message


def test_a_value_of_another_type_costs_the_field_and_not_the_lead() -> None:
    body = {
        "email": "jane@example.com",
        "phone": 49,
        "consent": "yes",
        "attributes": [1],
        "lead_id": 4711,
        "budget": 5,
    }

    event = read(orjson.dumps(body), event_headers("e-1")).event

    assert isinstance(event, LeadReceived)
    assert (event.email, event.lead_id, event.phone) == ("jane@example.com", "4711", None)
    assert event.extras == {"budget": 5, "phone": 49, "consent": "yes", "attributes": [1]}


def test_a_lead_without_a_time_happened_when_its_record_was_written() -> None:
    assert read(GOOD, without("ce_time")).envelope == ENVELOPE


@pytest.mark.parametrize("time", ["2062-01-01T00:00:00Z", "2026-11-23T09:00:01Z", "9999-12-31T23:59:59Z"])
def test_a_time_in_the_future_is_replaced_by_that_of_the_record(time: str) -> None:
    envelope = read(GOOD, replaced("ce_time", time.encode())).envelope

    assert (envelope.time, envelope.is_time_replaced) == (ENVELOPE.time, True)


def test_a_time_within_an_hour_of_the_record_stays() -> None:
    envelope = read(GOOD, replaced("ce_time", b"2026-11-23T09:00:00Z")).envelope

    assert (envelope.time, envelope.is_time_replaced) == ("2026-11-23T09:00:00.000000Z", False)


def test_attributes_of_our_results_are_not_believed_on_a_public_event() -> None:
    envelope = read(GOOD, [*event_headers("e-1"), ("ce_effect", b"welcome:x")]).envelope

    assert (envelope.effect, envelope.ignored) == (None, ("effect",))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (b"2026-11-01t10:00:00z", "2026-11-01T10:00:00.000000Z"),
        (b"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        (b"2026-11-01T10:00:00.1234567+01:00", "2026-11-01T09:00:00.123456Z"),
    ],
)
def test_every_form_of_rfc_3339_is_read(text: bytes, time: str) -> None:
    assert read(GOOD, replaced("ce_time", text)).envelope.time == time


@pytest.mark.parametrize(
    "text", [b"2026-11-01T10:00:00,5Z", b"20261130T100000Z", b"2026-11-01T10:00Z", b"2026-W44-7T10:00:00Z"]
)
def test_what_rfc_3339_does_not_have_is_refused(text: bytes) -> None:
    assert refusal(GOOD, replaced("ce_time", text)).code == "BAD_ATTRIBUTE"


def test_line_ends_tabs_and_large_numbers_in_texts_are_fine() -> None:
    found = read(b'{"message": "a\\n\\tb", "phone": "00491701234567890123", "company": "\\u00c4rzte 1e9"}')

    assert isinstance(found.event, LeadReceived)
    assert found.event.message == "a\n\tb"


MATCHED: dict[str, Any] = {
    "lead_id": "L1", "contact_key": "k", "verdict": "new", "rule": "none", "score": 0.0,
    "origin": {"event_id": "e-1", "source": "/web", "time": "2026-11-23T08:00:00.000000Z"},
    "lead": {"email": "a@b.example"},
}  # fmt: skip
OURS: Headers = [
    *event_headers("e-1", type="crm.lead.matched.v1"),
    ("ce_correlationid", b"r"),
    ("ce_position", b"t/0/0"),
]


def test_an_event_of_ours_is_read_without_the_fields_that_only_a_newer_build_knows() -> None:
    newer = {**MATCHED, "shoe_size": 42, "lead": {**MATCHED["lead"], "pet": "cat"}}

    found = decode(orjson.dumps(newer), OURS, LeadMatched, HERE).event

    assert found == decode(orjson.dumps(MATCHED), OURS, LeadMatched, HERE).event


def test_what_a_result_did_outside_is_read_where_we_alone_write_and_taken_off_elsewhere() -> None:
    claimed: Headers = [("ce_effect", b"welcome:k"), ("ce_effectref", b"<1@a.example>")]

    ours = decode(orjson.dumps(MATCHED), [*OURS, *claimed], LeadMatched, HERE).envelope
    public = read(orjson.dumps(BODY), [*event_headers("e-1"), *claimed]).envelope

    assert (ours.effect, ours.effect_reference, ours.extensions) == ("welcome:k", "<1@a.example>", ())
    assert (public.effect, public.effect_reference, public.extensions) == (None, None, ())
    follows = ours.followed_by(event_type="t", event_id="e-2", action="a", time=ours.time, workflow=None)
    assert (follows.effect, follows.effect_reference) == (None, None)


def test_an_event_of_ours_needs_its_run_and_its_fields() -> None:
    with pytest.raises(DecodeError, match="correlationid"):
        decode(b"{}", OURS[:-2], LeadMatched, HERE)
    with pytest.raises(DecodeError, match="contact_key: Field required") as caught:
        decode(b'{"lead_id": "1"}', OURS, LeadMatched, HERE)
    assert caught.value.failure_class == "invalid"


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_make_the_decoder_raise_anything_else(value: bytes) -> None:
    with suppress(DecodeError):
        read(value)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["ce_id", "ce_source", "ce_type", "ce_time", "ce_specversion", "content-type", "x"]
            )
            | st.text(max_size=10),
            st.none() | st.binary(max_size=20),
        ),
        max_size=12,
    )
)
def test_no_headers_make_the_decoder_raise_anything_else(headers: Headers) -> None:
    with suppress(DecodeError):
        read(GOOD, headers)
