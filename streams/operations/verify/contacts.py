"""This file compares the contacts with the events about them: the change, its revision, the owner."""

from __future__ import annotations

from collections.abc import Iterator

from streams.operations.verify.contract import UPSERTED
from streams.operations.verify.findings import Fault, Finding
from streams.operations.verify.snapshot import Snapshot

_RESTORED = (
    "See whether the database was restored from a back-up; if so, publish the leads since then once more."
)
NO_CONTACT = Fault(
    "torn",
    "ContactUpserted, but no contact",
    "The topic tells of a contact that the database does not have.",
    _RESTORED,
)
OLDER = Fault(
    "torn",
    "the contact is older than its newest event",
    "The topic tells of a change that the database does not have.",
    _RESTORED,
)
UNTOLD = Fault(
    "torn",
    "a contact whose last change no event tells",
    "The database has a change that no reader of the topic was told of.",
    "See who else writes to the table of contacts; publishing a lead of this person again tells the newest revision.",
)
NOT_OWNED = Fault(
    "torn",
    "LeadAssigned, but the contact has not this owner",
    "The topic names an owner and the database another one, or none.",
    "See who else writes to the table of contacts, and whether the database was restored from a back-up.",
)

_NEWEST = """
SELECT f.contact, max(f.revision), c.revision FROM facts f LEFT JOIN contacts c ON c.id = f.contact
WHERE f.topic = :upserted GROUP BY f.contact HAVING c.revision IS NULL OR c.revision < max(f.revision)
"""
_LAST = """
SELECT c.id, c.revision, (SELECT max(f.revision) FROM facts f WHERE f.topic = :upserted AND f.contact = c.id) AS told
FROM contacts c WHERE told IS NULL OR told <> c.revision
"""
_UPSERT_IS_UNREAD = """
SELECT EXISTS (SELECT 1 FROM steps s JOIN records r ON r.n = s.record
    JOIN spans p ON p.topic = r.topic AND p.part = r.part WHERE s.action = :upsert AND r.off >= p.settled)
"""
# The newest assignment counts: an owner who left the roster was replaced.
_OWNERS = """
SELECT f.contact, f.record, c.owner, f.said FROM (
    SELECT contact, said, record, row_number() OVER (PARTITION BY contact ORDER BY first DESC) AS newest FROM (
        SELECT f.contact, f.said, f.record, min(r.n) AS first FROM facts f JOIN records r ON r.n = f.record
        WHERE f.topic = :assigned GROUP BY f.contact, r.event, f.said)) f
LEFT JOIN contacts c ON c.id = f.contact WHERE newest = 1 AND c.owner IS NOT f.said
"""


def contacts(snapshot: Snapshot) -> Iterator[Finding]:
    """Give contacts and events that do not agree."""
    for contact, _, revision in snapshot.ask(_NEWEST):
        yield Finding(NO_CONTACT if revision is None else OLDER, {"contact": contact})
    if not snapshot.scratch.count(_UPSERT_IS_UNREAD):
        for contact, revision, told in snapshot.ask(_LAST):
            if told is None and snapshot.heads.get(UPSERTED):
                snapshot.unjudged["contacts whose events retention may have taken"] += 1
            elif told is None or told < revision:
                yield Finding(UNTOLD, {"contact": contact, "revision": revision})
    for contact, record, _, _ in snapshot.ask(_OWNERS):
        yield Finding(NOT_OWNED, {"contact": contact, "record": snapshot.place_of(record)})
