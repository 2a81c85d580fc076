"""Compares every dead letter with the record that failed, byte for byte, on the topic and in the index."""

from __future__ import annotations

from collections.abc import Iterator

from streams.operations.verify.contract import LETTERS
from streams.operations.verify.findings import Fault, Finding
from streams.operations.verify.lost import SLACK_MS
from streams.operations.verify.snapshot import Snapshot

_KEEP = (
    "A replay would act on these bytes. Publish the original record again instead, and discard the letter."
)
NO_SOURCE = Fault(
    "altered",
    "a letter of a record that is not there",
    "The letter names a place at which the topic has no record.",
    "See who else may write to the topic of dead letters, and whether topics were deleted or made again.",
)
KEY = Fault("altered", "the letter's key is not that of the record", "The original key is lost.", _KEEP)
VALUE = Fault(
    "altered", "the letter's value is not that of the record", "The original bytes are lost.", _KEEP
)
HEADERS = Fault(
    "altered", "the letter's header list is not that of the record", "The original headers are lost.", _KEEP
)
WRONG_HEADERS = Fault(
    "altered",
    "the letter has wrong headers about its record",
    "The named headers are not what follows from the record: its place, its time, its hash, or the consumer group.",
    "If the group was renamed, run `leads verify` with the LEADS_GROUP of then; else somebody else wrote the letter.",
)
ONLY_INDEXED = Fault(
    "altered",
    "the index has a letter that the topic has not",
    "The database lists a dead letter that was never published, or was deleted.",
    "See whether the topic of dead letters was deleted or made again, or LEADS_PREFIX changed.",
)
INDEXED_OTHERWISE = Fault(
    "altered",
    "the index has another record than the letter",
    "A replay takes the record from the database, and would act on other bytes than the letter's.",
    "Publish the original record again instead of replaying, and discard the letter.",
)

_LETTERS = """
SELECT l.id, l.place, l.wrong, r.n IS NULL, s.start IS NOT NULL AND l.off < s.start AND l.off >= 0,
    substr(r.bytes, 1, 8) <> substr(m.bytes, 1, 8), substr(r.bytes, 9, 8) <> substr(m.bytes, 9, 8),
    substr(r.bytes, 17, 8) <> substr(m.bytes, 17, 8), r.ts <> l.ts, l.edits
FROM letters l JOIN records m ON m.n = l.record
    LEFT JOIN records r ON r.topic = l.topic AND r.part = l.part AND r.off = l.off
    LEFT JOIN spans s ON s.topic = l.topic AND s.part = l.part
WHERE l.wrong <> '' OR r.n IS NULL OR r.bytes <> m.bytes OR r.ts <> l.ts
"""
_ONLY_INDEXED = """
SELECT i.id, i.indexed_at / 1000 FROM indexed i WHERE NOT EXISTS (SELECT 1 FROM letter l WHERE l.id = i.id)
"""
_OTHERWISE = """
SELECT l.id, l.place FROM letter l JOIN records r ON r.n = l.record WHERE l.indexed_bytes <> r.bytes
"""


def altered(snapshot: Snapshot) -> Iterator[Finding]:
    """Return the letters that differ from the record that failed, or that have wrong headers about it."""
    for letter, place, wrong, is_gone, is_cut, *differs, timestamp, edits in snapshot.ask(_LETTERS):
        where = {"letter": letter, "record": place}
        if is_gone and is_cut:
            snapshot.unjudged["letters whose record retention has taken"] += 1
        elif is_gone:
            yield Finding(NO_SOURCE, where)
        for fault, is_other in zip((KEY, VALUE, HEADERS), differs, strict=True):
            if is_other and not edits:  # a failed replay keeps a person's edit
                yield Finding(fault, where)
        names = [*filter(None, wrong.split(", ")), *(["timestamp"] if timestamp else [])]
        if names:
            yield Finding(WRONG_HEADERS, {**where, "headers": sorted(names)})
    for letter, indexed_ms in snapshot.ask(_ONLY_INDEXED):
        if (head := snapshot.heads.get(LETTERS, 0)) and indexed_ms < head + SLACK_MS:
            snapshot.unjudged["indexed letters that retention may have taken from their topic"] += 1
        else:
            yield Finding(ONLY_INDEXED, {"letter": letter})
    for letter, place in snapshot.ask(_OTHERWISE):
        yield Finding(INDEXED_OTHERWISE, {"letter": letter, "record": place})
