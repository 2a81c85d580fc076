"""This file compares every dead letter with the record that failed, byte for byte, on the topic and in the index."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.checker.evidence import LETTER, LETTERS, Record, derive
from tests.checker.seen import Seen

Finding = dict[str, Any]


def altered(seen: Seen) -> list[Finding]:
    """Give the letters that are not the record that failed, or that say wrong things about it."""
    evidence = seen.evidence
    sources = {record.place: record for records in evidence.records.values() for record in records}
    found: list[Finding] = []
    for record in evidence.records.get(LETTERS, []):
        letter_id = record.header(LETTER + "id") or ""
        topic = (record.header(LETTER + "topic") or "").removeprefix(evidence.prefix)
        place = f"{topic}/{record.header(LETTER + 'partition')}/{record.header(LETTER + 'offset')}"
        source = sources.get(place)
        where = {"letter": letter_id, "record": place}
        if source is None:
            found.append({"what": "a letter of a record that is not there", **where})
            continue
        found += [
            {"what": f"the letter's {part} is not that of the record", **where}
            for part in _parts(source, record)
        ]
        found += [
            {"what": f"the letter's header {name} is wrong", **where} for name in _wrong(seen, source, record)
        ]
    for row in evidence.letters:
        letter = seen.letters.get(row.id)
        if letter is None:
            found.append({"what": "the index has a letter that the topic has not", "letter": row.id})
            continue
        if (row.key, row.value, row.headers) != (
            letter.record.key,
            letter.record.value,
            letter.record.original_headers,
        ):
            found.append({"what": "the index has another record than the letter", "letter": row.id})
    return found


def _parts(source: Record, letter: Record) -> list[str]:
    pairs = {
        "key": (source.key, letter.key),
        "value": (source.value, letter.value),
        "header list": (source.original_headers, letter.original_headers),
    }
    return [name for name, (was, found) in pairs.items() if was != found]


def _wrong(seen: Seen, source: Record, letter: Record) -> list[str]:
    said = {name.removeprefix(LETTER): value for name, value in letter.headers if name.startswith(LETTER)}
    names = [name for name, _ in letter.headers if name.startswith(LETTER)]
    action, group = (said.get(name, b"") or b"" for name in ("action", "group"))
    topic = seen.evidence.prefix + source.topic
    expected = {
        "topic": topic,
        "partition": str(source.partition),
        "offset": str(source.offset),
        "timestamp": str(source.timestamp),
        "group": seen.evidence.group,
        "version": "1",
        "id": derive(topic, source.partition, source.offset, group.decode(), action.decode()),
        "value.sha256": None if source.value is None else hashlib.sha256(source.value).hexdigest(),
    }
    wrong = [
        name for name, text in expected.items() if said.get(name) != (None if text is None else text.encode())
    ]
    return wrong + sorted({name for name in names if names.count(name) > 1})
