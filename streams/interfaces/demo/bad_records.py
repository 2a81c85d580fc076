"""Makes the bad records of the demo: leads that are rejected, and records that cannot be decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from topics.limits import MAX_DEPTH, MAX_VALUE
from topics.registry import KIB

if TYPE_CHECKING:
    from streams.interfaces.demo.samples import Mode, Sample
    from topics.envelope import Headers


class MakeSample(Protocol):
    """Makes a record from the fields of a lead."""

    def __call__(self, body: dict[str, Any], kind: str, mode: Mode, /) -> Sample: ...


MakeUnreadable = Callable[[MakeSample, "Sample", Random], "Sample"]
"""Return an unreadable record, made like the given good one."""


def rejected_lead(body: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the lead with one of five defects for which it is rejected."""
    changes: tuple[dict[str, Any], ...] = (
        {"email": "call me maybe", "phone": None},
        {"email": "", "phone": None},
        {"email": None, "phone": "+49 30 12"},
        {"email": "jo@example.com and ann@example.com", "phone": None},
        {"email": "no..one@example.com", "country": "Middle-earth", "phone": "none"},
    )
    return {
        name: value for name, value in (body | changes[number % len(changes)]).items() if value is not None
    }


def _body(original: Sample) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(original.value or b"{}")
    del body["lead_id"]
    return body


def _changed(change: Callable[[Sample], Sample], mode: Mode = "binary") -> MakeUnreadable:
    def unreadable(make: MakeSample, original: Sample, _: Random) -> Sample:
        return replace(change(make(_body(original), "unreadable", mode)), identity=None)

    return unreadable


def _value(change: Callable[[bytes], bytes | None]) -> MakeUnreadable:
    return _changed(lambda sample: replace(sample, value=change(sample.value or b"")))


def _fields(**changed: object) -> MakeUnreadable:
    return _value(lambda value: orjson.dumps({**orjson.loads(value), **changed}))


def _headers(change: Callable[[Headers], Headers]) -> MakeUnreadable:
    return _changed(lambda sample: replace(sample, headers=change(sample.headers)))


def _reused(make: MakeSample, original: Sample, random: Random) -> Sample:
    """Return another lead with the id of one that is published earlier."""
    body = _body(original) | {"company": f"Other Company {random.randrange(100)}"}
    other = make(body, "unreadable", "binary")
    return replace(other, key=original.key, headers=original.headers, identity=None)


UNREADABLE: Mapping[str, MakeUnreadable] = {
    "bytes that are no UTF-8": _value(lambda value: value.replace(b'"company":"', b'"company":"\xff\xfe')),
    "cut off in the middle": _value(
        lambda value: value[: len(value) * 2 // 3].decode(errors="ignore").encode()
    ),
    "a lead_id of more than 500 characters": _fields(lead_id="x" * 501),
    "a key without a value": _value(lambda _: None),
    "a control character, here NUL": _fields(city="Ber\x00lin"),
    f"JSON of more than {MAX_DEPTH} levels": _value(
        lambda _: b'{"attributes":' + b"[" * 2 * MAX_DEPTH + b"]" * 2 * MAX_DEPTH + b"}"
    ),
    f"more than {MAX_VALUE // KIB} KiB": _fields(message="all work and no play " * (MAX_VALUE // 20)),
    "a header that stands twice": _headers(lambda headers: [*headers, ("ce_id", b"another-id")]),
    "a required ce_ header is missing": _headers(
        lambda headers: [pair for pair in headers if pair[0] != "ce_source"]
    ),
    "an event of another topic": _headers(
        lambda headers: [
            (name, b"shop.order.placed.v1" if name == "ce_type" else value) for name, value in headers
        ]
    ),
    "JSON, but not an object": _changed(
        lambda sample: replace(sample, value=b'["not", "a", "lead"]', key=None), "plain"
    ),
    "a known id with other content": _reused,
}
"""By the defect of the record."""
