"""The dead letter: the original record, byte for byte, plus headers about the failure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields
from typing import Literal, get_args

from topics.envelope import Headers, parse_timestamp

PREFIX = "__dlq.errors."
VERSION = "1"

FailureClass = Literal[
    "poison", "invalid", "rejected", "transient", "throttled", "defect", "expired", "uncertain"
]
Stage = Literal["decode", "validate", "execute", "publish"]

RETRIED: frozenset[str] = frozenset({"transient", "throttled"})
"""Classes that are tried again by themselves; the others are parked for a person."""

MESSAGE_LIMIT = 1024
STACK_LIMIT = 4096
"""Characters of the longest header: longer ones would grow with each failed replay."""


class LetterError(ValueError):
    """The `__dlq.errors.*` headers of a record are not those of a dead letter; the message names the header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """The `__dlq.errors.*` headers. Field `first_time` is header `first.time`."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Where the record was first consumed; never changed by a later failure."""
    group: str
    delivery_count: int
    message: str
    exception: str | None = None
    stacktrace: str | None = None
    version: str = VERSION
    id: str
    generation: int
    time: str
    first_time: str
    action: str
    action_version: int
    stage: Stage
    failure_class: FailureClass
    code: str
    fingerprint: str
    next_attempt: str | None = None
    app_version: str
    value_sha256: str | None = None
    replay_job: str | None = None
    edit_sha256: str | None = None
    edit_number: int | None = None
    """How often people have edited the record; None: never."""
    stale: Literal["run", "skip"] | None = None
    """A person's decision about an event that is too old for its action; only on requests."""

    def headers(self) -> Headers:
        """The headers to append to the original ones."""
        pairs = ((_header(field.name), getattr(self, field.name)) for field in fields(self))
        return [(name, str(value).encode()) for name, value in pairs if value is not None]

    @classmethod
    def from_headers(cls, headers: Headers) -> DeadLetter:
        """Read a letter's own headers back. Raises `LetterError` naming the header that is missing or unreadable."""
        found: dict[str, str] = {}
        for name, value in headers:
            if not name.startswith(PREFIX) or value is None:
                continue
            if name in found:
                msg = f"header {name} is given twice"
                raise LetterError(msg)
            if len(value) > STACK_LIMIT:
                msg = f"header {name} has {len(value)} bytes and may have {STACK_LIMIT}"
                raise LetterError(msg)
            try:
                found[name] = value.decode()
            except UnicodeDecodeError as error:
                msg = f"header {name} is not UTF-8 at byte {error.start}"
                raise LetterError(msg) from None
        return cls(**{field.name: _read(found, field.name, field.type) for field in fields(cls)})  # type: ignore[arg-type]


def _header(field_name: str) -> str:
    return PREFIX + ("class" if field_name == "failure_class" else field_name.replace("_", "."))


_FORMS = {
    "topic": re.compile(r"[A-Za-z0-9._-]{1,249}"),
    "id": re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"),
    "action": re.compile(r"[a-z0-9-]{1,100}"),
    "code": re.compile(r"[A-Z0-9_]{1,100}"),
    "fingerprint": re.compile(r"[0-9a-f]{12}"),
}
"""Anyone can write to the topics of letters, so the form of indexed values is checked."""
_TIMES = frozenset({"time", "first_time", "next_attempt"})
_TIME = re.compile(r"[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)
"""UTC, so that texts sort as the moments do, and of a year from which days can be counted on and back."""
_COUNTS = frozenset({"partition", "delivery_count", "generation", "action_version", "edit_number"})
_CLOSED = {
    "stage": get_args(Stage),
    "failure_class": get_args(FailureClass),
    "version": (VERSION,),
    "stale": ("run", "skip"),
}


def _read(found: dict[str, str], field_name: str, kind: object) -> str | int | None:
    name = _header(field_name)
    text = found.get(name)
    if text is None:
        if "None" in str(kind):
            return None
        msg = f"header {name} is missing"
        raise LetterError(msg)
    if str(kind).startswith("int"):
        digits = "[0-9]{1,9}" if field_name in _COUNTS else "-?[0-9]{1,18}"
        if re.fullmatch(digits, text, re.ASCII) is None:
            msg = f"header {name} is {text[:40]!r} and must be a whole number of the form {digits}"
            raise LetterError(msg)
        return int(text)
    if "\x00" in text:
        msg = f"header {name} holds a NUL, which no database takes"
        raise LetterError(msg)
    if field_name in _FORMS and _FORMS[field_name].fullmatch(text) is None:
        msg = f"header {name} is {text[:40]!r} and must match {_FORMS[field_name].pattern}"
        raise LetterError(msg)
    if field_name in _TIMES and not is_time(text):
        msg = f"header {name} is {text[:40]!r} and must be an RFC 3339 time in UTC: 2026-11-23T20:15:00Z"
        raise LetterError(msg)
    if field_name in _CLOSED and text not in _CLOSED[field_name]:
        msg = f"header {name} is {text[:40]!r} and must be one of {', '.join(_CLOSED[field_name])}"
        raise LetterError(msg)
    return text


def is_time(text: str) -> bool:
    """Whether it is a time in the form of letters."""
    if _TIME.fullmatch(text) is None:
        return False
    try:
        parse_timestamp(text)
    except ValueError:
        return False
    return True


def is_letter(headers: Headers) -> bool:
    """Whether any header claims to be a letter's."""
    return any(name.startswith(PREFIX) for name, _ in headers)


def without_letter(headers: Headers) -> Headers:
    """Return the headers of the original record, in their order."""
    return [(name, value) for name, value in headers if not name.startswith(PREFIX)]


def sha256_of(value: bytes | None) -> str | None:
    """Hex digest of a record's value; None for a tombstone."""
    return None if value is None else hashlib.sha256(value).hexdigest()
