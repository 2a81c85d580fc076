"""Compares the contacts with the events about them: the change, its revision, the owner."""

from __future__ import annotations

import json
from collections.abc import Iterator

from streams.operations.verify.contract import UPSERTED
from streams.operations.verify.findings import Fault, Finding
from streams.operations.verify.snapshot import Snapshot

_RESTORED = (
    "See whether the database was restored from a back-up; if so, publish the leads since then once more."
)
NO_CONTACT = Fault(
    "inconsistent",
    "ContactUpserted, but no contact",
    "The topic has a contact that the database does not have.",
    _RESTORED,
)
OLDER = Fault(
    "inconsistent",
    "the contact is older than its newest event",
    "The topic has a change that the database does not have.",
    _RESTORED,
)
NO_EVENT = Fault(
    "inconsistent",
    "a contact whose last change has no event",
    "The database has a change that is not on the topic.",
    "See who else writes to the table of contacts; publishing a lead of this person again states the newest revision.",
)
NOT_OWNED = Fault(
    "inconsistent",
    "LeadAssigned, but the contact has not this owner",
    "The topic names an owner and the database another one, or none.",
    "See who else writes to the table of contacts, and whether the database was restored from a back-up.",
)

_NEWEST = """
SELECT f.contact, max(f.revision), c.revision FROM facts f LEFT JOIN contacts c ON c.id = f.contact
WHERE f.topic = :upserted GROUP BY f.contact HAVING c.revision IS NULL OR c.revision < max(f.revision)
"""
_LAST = """
SELECT c.id, c.revision, (SELECT max(f.revision) FROM facts f WHERE f.topic = :upserted AND f.contact = c.id) AS stated
FROM contacts c WHERE stated IS NULL OR stated <> c.revision
"""
_UPSERT_IS_UNREAD = """
SELECT EXISTS (SELECT 1 FROM steps s JOIN records r ON r.n = s.record
    JOIN spans p ON p.topic = r.topic AND p.part = r.part
    WHERE s.action IN (SELECT value FROM json_each(:actions)) AND r.off >= p.settled)
"""
# The newest assignment counts, because an owner who left the roster was replaced.
_OWNERS = """
SELECT f.contact, f.record, c.owner, f.owner FROM (
    SELECT contact, owner, record, row_number() OVER (PARTITION BY contact ORDER BY first DESC) AS newest FROM (
        SELECT f.contact, f.owner, f.record, min(r.n) AS first FROM facts f JOIN records r ON r.n = f.record
        WHERE f.topic = :assigned GROUP BY f.contact, r.event, f.owner)) f
LEFT JOIN contacts c ON c.id = f.contact WHERE newest = 1 AND c.owner IS NOT f.owner
"""


def contacts(snapshot: Snapshot) -> Iterator[Finding]:
    """Return contacts and events that do not agree."""
    for contact, _, revision in snapshot.ask(_NEWEST):
        yield Finding(NO_CONTACT if revision is None else OLDER, {"contact": contact})
    actions = json.dumps(snapshot.contract.emitting(UPSERTED))
    if not snapshot.scratch.count(_UPSERT_IS_UNREAD, actions=actions):
        for contact, revision, stated in snapshot.ask(_LAST):
            if stated is None and snapshot.heads.get(UPSERTED):
                snapshot.unjudged["contacts whose events retention may have taken"] += 1
            elif stated is None or stated < revision:
                yield Finding(NO_EVENT, {"contact": contact, "revision": revision})
    for contact, record, _, _ in snapshot.ask(_OWNERS):
        yield Finding(NOT_OWNED, {"contact": contact, "record": snapshot.place_of(record)})
