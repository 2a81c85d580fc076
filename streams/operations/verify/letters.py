"""Reads a dead letter's own headers, and names those that cannot be true."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from streams.operations.verify.contract import LETTER, derive
from streams.operations.verify.evidence import Record

_ID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter as on its topic. Anyone may write there: values of the wrong form are empty, or -1."""

    id: str
    action: str
    code: str
    failure_class: str
    generation: int
    topic: str
    """Of the record that failed, without the prefix."""
    partition: int
    offset: int
    timestamp: int
    edits: int
    """How often people had changed the record."""
    identity: tuple[str, str] | None
    """`(ce_source, ce_id)` of the record that failed."""
    wrong: tuple[str, ...]
    """Headers that contradict the letter itself."""
    place: str
    """`topic/partition/offset` of the record that failed, topic with its prefix."""


def letter_row(record: Record, prefix: str, group: str) -> Letter:
    """Read a record of the letters or the requests topic."""
    headers = {
        name.removeprefix(LETTER): (value or b"").decode(errors="replace")
        for name, value in record.headers
        if name.startswith(LETTER)
    }
    names = [name.removeprefix(LETTER) for name, _ in record.headers if name.startswith(LETTER)]
    topic = _formed(headers, "topic", _TOPIC)
    partition, offset = _number(headers, "partition"), _number(headers, "offset")
    place = f"{topic}/{partition}/{offset}"
    expected = {
        "group": group,
        "version": "1",
        "id": derive(topic, partition, offset, headers.get("group", ""), headers.get("action", "")),
        "value.sha256": None if record.value is None else hashlib.sha256(record.value).hexdigest(),
    }
    wrong = [name for name, text in expected.items() if headers.get(name) != text]
    original = Record("", 0, 0, 0, record.key, record.value, record.original_headers)
    return Letter(
        _formed(headers, "id", _ID),
        _formed(headers, "action", _WORD),
        _formed(headers, "code", _WORD),
        _formed(headers, "class", _WORD),
        _number(headers, "generation"),
        topic.removeprefix(prefix),
        partition,
        offset,
        _number(headers, "timestamp"),
        max(_number(headers, "edit.number"), 0),
        original.identity(place),
        (*wrong, *sorted({name for name in names if names.count(name) > 1 and _TOPIC.fullmatch(name)})),
        place,
    )


def _formed(headers: dict[str, str], name: str, form: re.Pattern[str]) -> str:
    text = headers.get(name, "")
    return text if form.fullmatch(text) else ""


def _number(headers: dict[str, str], name: str) -> int:
    return int(headers[name]) if _NUMBER.fullmatch(headers.get(name, "")) else -1
