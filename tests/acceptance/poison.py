"""Makes poison: records that cannot be read as a lead, each kind with the code of its letter."""

from __future__ import annotations

import json
from random import Random

from tests.acceptance.making import event_headers
from tests.acceptance.stage import Headers, Published


def _nested(depth: int) -> bytes:
    return b'{"attributes":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"


PLAIN: dict[str, tuple[str, bytes | None]] = {
    "bytes that are no UTF-8": ("NOT_UTF8", b'{"email": "jos\xe9@customer.example"}'),
    "JSON that is cut off": ("NOT_JSON", b'{"email": "ann@customer.ex'),
    "no JSON at all": ("NOT_JSON", b"email=ann@customer.example"),
    "nothing": ("NOT_JSON", b""),
    "an array": ("NOT_AN_OBJECT", b'[{"email": "ann@customer.example"}]'),
    "a number as e-mail": ("WRONG_TYPE", b'{"email": 17}'),
    "NUL in a string": ("CONTROL_CHARACTER", b'{"email": "ann@customer.example", "name": "A\\u0000n"}'),
    "a lone surrogate": ("LONE_SURROGATE", b'{"email": "ann@customer.example", "name": "\\ud800"}'),
    "NaN": ("NOT_JSON", b'{"email": "ann@customer.example", "score": NaN}'),
    "a huge number": ("NUMBER_OUT_OF_RANGE", b'{"email": "ann@customer.example", "score": 1e300}'),
    "a nesting of 100 levels": ("TOO_DEEP", _nested(100)),
    "a tombstone": ("TOMBSTONE", None),
    "a value of 300 KiB": ("TOO_LARGE", b'{"message": "' + b"x" * 300 * 1024 + b'"}'),
}
_LEAD = b'{"email": "ann@customer.example"}'
_EVENT = event_headers("poison")
ATTRIBUTES: dict[str, tuple[str, Headers]] = {
    "an id given twice": ("DUPLICATE_ATTRIBUTE", [*_EVENT, ("ce_id", b"another")]),
    "a source that is null": ("BAD_ATTRIBUTE", [(n, None if n == "ce_source" else v) for n, v in _EVENT]),
    "an attribute that is not UTF-8": ("BAD_ATTRIBUTE", [*_EVENT, ("ce_campaign", b"\xff\xfe")]),
    "headers of 9 KiB": ("TOO_LARGE", [*_EVENT, *[("x-bomb", b"b" * 90)] * 100]),
    "no source": ("MISSING_ATTRIBUTE", [pair for pair in _EVENT if pair[0] != "ce_source"]),
    "a type of another topic": ("UNKNOWN_TYPE", event_headers("poison", type="crm.lead.assigned.v1")),
    "a time without a zone": ("BAD_ATTRIBUTE", event_headers("poison", time="2026-11-23T08:00:00")),
}
KINDS = (*PLAIN, *ATTRIBUTES)


def poison(kind: str, random: Random) -> Published:
    """Return a record of a kind; its key and further headers are random bytes, some repeated or null."""
    noise: Headers = [
        ("x-trace", random.randbytes(8)),
        ("x-trace", None),
        ("x-trace", b""),
        ("Ünïcode", random.randbytes(3)),
    ]
    key = random.choice([None, b"", random.randbytes(12), b"a key"])
    if kind in PLAIN:
        return Published(PLAIN[kind][1], key, noise)
    return Published(_LEAD, key, [*noise, *ATTRIBUTES[kind][1]])


def code_of(kind: str) -> str:
    """Return the code that the letter must have."""
    return PLAIN[kind][0] if kind in PLAIN else ATTRIBUTES[kind][0]


def endless_email(number: int) -> Published:
    """Return a lead whose e-mail has more than 10,000 characters: it can be read and is rejected."""
    lead = {"email": f"{number}{'x' * 10_000}@customer.example", "lead_id": f"endless-{number}"}
    return Published(json.dumps(lead).encode(), b"a key")
