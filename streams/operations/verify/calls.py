"""Compares outside calls with their records: mails, webhook calls, intents, and uncertain calls."""

from __future__ import annotations

from collections.abc import Iterator

from streams.operations.verify.contract import hook_id, mail_id
from streams.operations.verify.findings import Fault, Finding
from streams.operations.verify.lost import SLACK_MS
from streams.operations.verify.scratch import as_uuid
from streams.operations.verify.snapshot import PENDING, Snapshot

NOT_SENT = Fault(
    "inconsistent",
    "a result names a mail that the mail server does not have",
    "The topic states that the mail went out and it is not among the mails.",
    "See whether the file of mails covers the whole time of the topics; if it does, the person got no mail.",
)
NOT_CALLED = Fault(
    "inconsistent",
    "a result names a webhook call that the receiver does not have",
    "The topic states that the call was made and it is not among the receiver's calls.",
    "See whether the file of calls covers the whole time of the topics; if it does, nobody was notified.",
)
UNACCOUNTED = Fault(
    "inconsistent",
    "a mail that nobody accounts for",
    "A mail went out that belongs to no result, no owner and no intent.",
    "See whether something else sends through this mail server, and whether the database was restored from a back-up.",
)
NOBODY_ASKED = Fault(
    "inconsistent",
    "an intent without outcome, and no letter UNCERTAIN",
    "A call was begun, nobody knows whether it was made, and nobody is asked to look.",
    "Look at the other side whether the call arrived; `leads dead-letters list` has no entry for it.",
)
TOO_OLD = "mails whose result retention may have taken"

_NOT_THERE = """
SELECT p.reference, p.record, p.effect FROM proofs p
WHERE p.reference IS NOT NULL AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.message_id = p.reference)
    AND NOT EXISTS (SELECT 1 FROM hooks h WHERE h.webhook_id = p.reference)
GROUP BY p.reference
"""
# A worker that was paused while it called writes the outcome late: its successor has asked a person already.
_UNACCOUNTED = f"""
SELECT m.message_id, max(o.status = :called AND o.changed_at / 1000 < :head) FROM mailed m
    LEFT JOIN mails_of o ON o.reference = m.message_id
WHERE m.recipient NOT IN (SELECT email FROM owners)
GROUP BY m.message_id HAVING NOT max(o.effect IS NOT NULL AND (o.status IS NULL OR o.status = :intent
    OR (o.status = :called AND {PENDING.format(id="o.ledger")})
    OR EXISTS (SELECT 1 FROM letter l WHERE l.result = o.ledger AND l.class = 'uncertain')))
"""  # noqa: S608 - texts of ours
_INTENTS = f"""
SELECT e.key, e.name, e.subject, e.ledger, {PENDING.format(id="e.ledger")},
    (SELECT l.id FROM letter l WHERE l.result = e.ledger AND l.code <> 'ID_REUSED'),
    (SELECT l.class FROM letter l WHERE l.result = e.ledger AND l.code <> 'ID_REUSED')
FROM effects e WHERE e.status = :intent
"""  # noqa: S608 - texts of ours
_UNCERTAIN_LETTERS = """
SELECT l.id, l.action FROM letter l WHERE l.class = 'uncertain'
    AND l.status IN ('scheduled', 'parked', 'replaying', 'unindexed')
    AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.ledger = l.result AND e.status = :intent)
"""


def calls(snapshot: Snapshot) -> Iterator[Finding]:
    """Return calls and results that do not agree."""
    if snapshot.has_mails or snapshot.has_webhooks:
        yield from _not_there(snapshot)
    if snapshot.has_mails:
        yield from _unaccounted(snapshot)
    for _, name, _, ledger_id, is_pending, letter, failure_class in snapshot.ask(_INTENTS):
        if not is_pending and failure_class != "uncertain":
            yield Finding(NOBODY_ASKED, {"call": name, "result": as_uuid(ledger_id), "letter": letter})


def _not_there(snapshot: Snapshot) -> Iterator[Finding]:
    """Look up each reference in the journal of its form; other forms belong to systems without a journal."""
    for reference, record, effect in snapshot.ask(_NOT_THERE):
        ids = {"call": effect, "record": snapshot.place_of(record)}
        if snapshot.has_mails and mail_id(reference) is not None:
            yield Finding(NOT_SENT, {"message_id": reference, **ids})
        elif snapshot.has_webhooks and hook_id(reference) is not None:
            yield Finding(NOT_CALLED, {"webhook_id": reference, **ids})


def _unaccounted(snapshot: Snapshot) -> Iterator[Finding]:
    emitted = [
        topic for action in snapshot.contract.actions if action.effect is not None for topic in action.emits
    ]
    head = max((snapshot.heads.get(topic, 0) for topic in emitted), default=0)
    for message_id, is_old in snapshot.ask(_UNACCOUNTED, head=head + SLACK_MS if head else 0):
        if is_old:
            snapshot.unjudged[TOO_OLD] += 1
        else:
            yield Finding(UNACCOUNTED, {"message_id": message_id})


def uncertain(snapshot: Snapshot) -> Iterator[dict[str, object]]:
    """Return each call that may or may not have happened: reported, but no fault.

    With the mail server's journal, also whether the mail arrived there, which only this outside view knows.
    """
    are_mailed = {name for (name,) in snapshot.ask("SELECT DISTINCT effect FROM mails_of")}
    for key, name, subject, _, _, letter, _ in list(snapshot.ask(_INTENTS)):
        contact = is_there = None
        if snapshot.contract.is_of_contact(name):
            contact = next((id_ for (id_,) in snapshot.ask(_CONTACT, key=subject)), None)
        if snapshot.has_mails and name in are_mailed:
            is_there = bool(snapshot.scratch.count(_MAIL, key=key))
        yield {"what": name, "contact": contact, "letter": letter, "is_at_mail_server": is_there}
    for letter, action in snapshot.ask(_UNCERTAIN_LETTERS):
        what = snapshot.name(action) or "unknown"
        yield {"what": what, "contact": None, "letter": letter, "is_at_mail_server": None}


_CONTACT = "SELECT id FROM contacts WHERE key = :key"
_MAIL = "SELECT EXISTS (SELECT 1 FROM mails WHERE id = mail_id_of(:key))"
