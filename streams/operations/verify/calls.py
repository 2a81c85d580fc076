"""This file compares what went outside with what was written about it: mails, intents, and what nobody can know."""

from __future__ import annotations

from collections.abc import Iterator

from streams.operations.verify.contract import NAMES
from streams.operations.verify.findings import Fault, Finding
from streams.operations.verify.scratch import as_uuid
from streams.operations.verify.snapshot import PENDING, Snapshot

NOT_SENT = Fault(
    "torn",
    "LeadWelcomed says sent, but the mail server has no such mail",
    "The topic says that the welcome went out and it is not among the mails.",
    "See whether the file of mails covers the whole time of the topics; if it does, the person was not welcomed.",
)
UNACCOUNTED = Fault(
    "torn",
    "a mail that nobody accounts for",
    "A mail went out that no event, no owner and no intent tells of.",
    "See whether something else sends through this mail server, and whether the database was restored from a back-up.",
)
NOBODY_TOLD = Fault(
    "torn",
    "an intent without outcome, and no letter UNCERTAIN",
    "A call was begun, nobody knows whether it was made, and nobody is asked to look.",
    "Look at the other side whether the call arrived; `leads dead-letters list` has no entry for it.",
)

_NOT_SENT = """
SELECT f.said, f.record FROM facts f WHERE f.topic = :welcomed AND f.outcome = 'sent'
    AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.message_id = f.said) GROUP BY f.said
"""
_UNACCOUNTED = f"""
SELECT DISTINCT m.message_id FROM mailed m
WHERE recipient NOT IN (SELECT email FROM owners)
    AND NOT EXISTS (SELECT 1 FROM facts f WHERE f.topic = :welcomed AND f.said = m.message_id AND f.outcome = 'sent')
    AND NOT EXISTS (SELECT 1 FROM contacts c JOIN effects e ON e.key = 'welcome:' || c.key
        WHERE c.email = m.recipient
        AND (e.status = :intent OR (e.status = :called AND {PENDING.format(id="e.ledger")})))
"""  # noqa: S608 - texts of ours
_INTENTS = f"""
SELECT e.key, e.ledger, e.changed_at / 1000, {PENDING.format(id="e.ledger")},
    (SELECT l.id FROM letter l WHERE l.result = e.ledger AND l.code <> 'ID_REUSED'),
    (SELECT l.class FROM letter l WHERE l.result = e.ledger AND l.code <> 'ID_REUSED'),
    c.id, EXISTS (SELECT 1 FROM mailed m WHERE m.recipient = c.email)
FROM effects e LEFT JOIN contacts c ON e.key = 'welcome:' || c.key
WHERE e.status = :intent
"""  # noqa: S608 - texts of ours
_UNCERTAIN_LETTERS = """
SELECT l.id, l.action FROM letter l WHERE l.class = 'uncertain'
    AND l.status IN ('scheduled', 'parked', 'replaying', 'unindexed')
    AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.ledger = l.result AND e.status = :intent)
"""


def calls(snapshot: Snapshot) -> Iterator[Finding]:
    """Give calls and events that do not agree."""
    if snapshot.has_mails:
        for message_id, record in snapshot.ask(_NOT_SENT):
            yield Finding(NOT_SENT, {"message_id": message_id, "record": snapshot.place_of(record)})
        for (message_id,) in snapshot.ask(_UNACCOUNTED):
            yield Finding(UNACCOUNTED, {"message_id": message_id})
    for key, ledger_id, _, is_pending, letter, failure_class, _, _ in snapshot.ask(_INTENTS):
        if not is_pending and failure_class != "uncertain":
            what = key.partition(":")[0]
            yield Finding(NOBODY_TOLD, {"call": what, "result": as_uuid(ledger_id), "letter": letter})


def uncertain(snapshot: Snapshot) -> Iterator[dict[str, object]]:
    """Name each call of which nobody can say whether it happened; honest, hence no fault.

    With the mails at hand, whether it is at the mail server: what only this outside view knows.
    """
    for key, _, _, _, letter, _, contact, is_there in snapshot.ask(_INTENTS):
        kind = key.partition(":")[0]
        is_known = snapshot.has_mails and contact is not None and kind == "welcome"
        yield {
            "what": kind,
            "contact": contact,
            "letter": letter,
            "is_at_mail_server": bool(is_there) if is_known else None,
        }
    for letter, action in snapshot.ask(_UNCERTAIN_LETTERS):
        what = "unknown" if action is None else NAMES[action]
        yield {"what": what, "contact": None, "letter": letter, "is_at_mail_server": None}
