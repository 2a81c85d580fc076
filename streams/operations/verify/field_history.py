"""Compares the fields of leads with those of contacts: the newest counts, and none is dropped silently."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from streams.operations.verify.evidence import Record
from streams.operations.verify.findings import Fault, Finding
from streams.operations.verify.snapshot import Snapshot

OLDER_FIELD = Fault(
    "inconsistent",
    "a contact's field is older than what a lead said later",
    "Fields keep the word of the newest event, by its ce_time; here an older one was written over it.",
    "Publish the newer lead once more under a new ce_id and with its own ce_time: merging it again puts it right.",
)
REUSED = Fault(
    "lost",
    "an id that came again with other content, and no letter",
    "Two different events had one ce_source and ce_id, and one of them was taken for a repetition and dropped.",
    "Tell its publisher, and publish the lead that is missing again under a ce_id of its own.",
)

_PLAIN = ("email", "phone", "company", "website", "job_title", "country", "city", "language")
_TIME_AT = 2
_NAME = ("name", "first_name", "last_name")


def fields_rows(number: int, record: Record) -> Iterator[tuple[int, str, str, str]]:
    """Yield the fields of its contact that a LeadMatched states, and since when: record, contact key, time, names.

    An answer about consent has its own time, if the lead gives one; a consent without an answer replaces none.
    """
    data = record.data
    lead, origin, key = data.get("lead"), data.get("origin"), data.get("contact_key")
    if not isinstance(lead, dict) or not isinstance(origin, dict) or not isinstance(key, str):
        return
    names = [name for name in _PLAIN if lead.get(name) is not None]
    if any(lead.get(name) is not None for name in _NAME):
        names.append("name")
    attributes = lead.get("attributes")
    if isinstance(attributes, dict):
        names += [f"attributes.{name}" for name in attributes]
    yield number, key, str(origin.get("time")), json.dumps(names)
    consent = lead.get("consent")
    if isinstance(consent, dict) and isinstance(consent.get("marketing"), bool):
        yield number, key, str(consent.get("time") or origin.get("time")), json.dumps(["consent"])


def content_of(record: Record) -> bytes | None:
    """Return a hash of a lead event's content, independent of its JSON spelling; None when it is not an object."""
    data: Any = record.data
    types = [value or b"" for name, value in record.headers if name.lower() == "content-type"]
    if types and types[-1].startswith(b"application/cloudevents+json"):
        data = data.get("data")
    if not isinstance(data, dict) or not data:
        return None
    return hashlib.blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=12).digest()


def times_of(fields: bytes | None) -> dict[str, str]:
    """Return the time of each field of a contact, from `{name: [value, source, time, event id]}`."""
    try:
        found = json.loads(fields or b"{}")
    except ValueError:
        return {}
    return {name: str(entry[_TIME_AT]) for name, entry in found.items() if len(entry) > _TIME_AT}


# A replayed record may have been edited by a person; then the event's own content does not count.
_OLDER = """
SELECT t.key, t.field, s.record, (SELECT id FROM contacts c WHERE c.key = t.key)
FROM field_times s JOIN times t ON t.key = s.key AND t.time < s.time
JOIN steps p ON p.record = s.record
WHERE EXISTS (SELECT 1 FROM json_each(s.names) WHERE value = t.field)
    AND EXISTS (SELECT 1 FROM records r WHERE r.event = p.result AND r.action IS NOT NULL AND r.topic = :upserted)
    AND NOT EXISTS (SELECT 1 FROM asked a WHERE a.result = p.result)
GROUP BY t.key, t.field
"""
_REUSED = """
SELECT c.event, min(c.record), max(c.record), count(DISTINCT c.digest) - count(DISTINCT CASE
    WHEN EXISTS (SELECT 1 FROM letter l WHERE l.topic = r.topic AND l.part = r.part AND l.off = r.off)
        OR r.off >= p.settled THEN c.digest END) AS unanswered
FROM contents c JOIN records r ON r.n = c.record JOIN spans p ON p.topic = r.topic AND p.part = r.part
WHERE c.event IN (SELECT event FROM contents GROUP BY event HAVING count(DISTINCT digest) > 1)
GROUP BY c.event HAVING unanswered > 1
"""


def field_history(snapshot: Snapshot) -> Iterator[Finding]:
    """Return fields that an older event holds, and events that were dropped because another one had their id."""
    for _, field, record, contact in snapshot.ask(_OLDER):
        yield Finding(OLDER_FIELD, {"contact": contact, "field": field, "record": snapshot.place_of(record)})
    for _, first, last, _ in list(snapshot.ask(_REUSED)):
        yield Finding(REUSED, {"records": [snapshot.place_of(first), snapshot.place_of(last)]})
