"""Bad records of the demo: leads that are rejected, and records that cannot be read at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from topics.limits import MAX_DEPTH, MAX_VALUE

if TYPE_CHECKING:
    from streams.interfaces.demo.samples import Mode, Sample


class MakeSample(Protocol):
    """Makes a record of a lead's fields."""

    def __call__(self, body: dict[str, Any], kind: str, mode: Mode, /) -> Sample: ...


MakeUnreadable = Callable[[MakeSample, "Sample", Random], "Sample"]
"""Return an unreadable record, made like the given good one."""


def rejected_lead(body: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the lead with one of five defects for which it is rejected."""
    changes: tuple[dict[str, Any], ...] = (
        {"email": "call me maybe"},
        {"country": "Atlantis"},
        {"email": "", "phone": None},
        {"phone": "+49 30 12"},
        {"email": "no..one@example.com", "country": "Middle-earth", "phone": "none"},
    )
    return {
        name: value for name, value in (body | changes[number % len(changes)]).items() if value is not None
    }


def _body(original: Sample) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(original.value or b"{}")
    del body["lead_id"]
    return body


def _with_value(change: Callable[[bytes], bytes | None]) -> MakeUnreadable:
    def unreadable(make: MakeSample, original: Sample, _: Random) -> Sample:
        sample = make(_body(original), "unreadable", "binary")
        return replace(sample, value=change(sample.value or b""), identity=None)

    return unreadable


def _with_headers(change: Callable[[Sample], Sample]) -> MakeUnreadable:
    def unreadable(make: MakeSample, original: Sample, _: Random) -> Sample:
        return replace(change(make(_body(original), "unreadable", "binary")), identity=None)

    return unreadable


def _reused(make: MakeSample, original: Sample, random: Random) -> Sample:
    """Return another lead under the id of one that is published before."""
    body = _body(original) | {"company": f"Other Company {random.randrange(100)}"}
    other = make(body, "unreadable", "binary")
    return replace(other, key=original.key, headers=original.headers, identity=None)


def _twice(sample: Sample) -> Sample:
    return replace(sample, headers=[*sample.headers, ("ce_id", b"another-id")])


def _without_source(sample: Sample) -> Sample:
    return replace(sample, headers=[pair for pair in sample.headers if pair[0] != "ce_source"])


def _of_another_type(sample: Sample) -> Sample:
    other = [
        (name, b"shop.order.placed.v1" if name == "ce_type" else value) for name, value in sample.headers
    ]
    return replace(sample, headers=other)


def _plain_list(make: MakeSample, original: Sample, _: Random) -> Sample:
    return replace(make(_body(original), "unreadable", "plain"), value=b'["not", "a", "lead"]', key=None)


UNREADABLE: Mapping[str, MakeUnreadable] = {
    "not UTF-8": _with_value(lambda value: value.replace(b'"company":"', b'"company":"\xff\xfe')),
    "truncated": _with_value(lambda value: value[: len(value) * 2 // 3].decode(errors="ignore").encode()),
    "wrong type": _with_value(lambda value: orjson.dumps({**orjson.loads(value), "email": 17})),
    "tombstone": _with_value(lambda _: None),
    "NUL": _with_value(lambda value: orjson.dumps({**orjson.loads(value), "city": "Ber\x00lin"})),
    "too deep": _with_value(lambda _: b'{"attributes":' + b"[" * 2 * MAX_DEPTH + b"]" * 2 * MAX_DEPTH + b"}"),
    "too large": _with_value(
        lambda value: orjson.dumps(
            {**orjson.loads(value), "message": "all work and no play " * (MAX_VALUE // 20)}
        )
    ),
    "id given twice": _with_headers(_twice),
    "source missing": _with_headers(_without_source),
    "another type": _with_headers(_of_another_type),
    "a list": _plain_list,
    "id reused": _reused,
}
