"""This file finds what happened twice: contacts, assignments, results with other content, mails, notifications."""

from __future__ import annotations

from collections.abc import Iterator

from streams.operations.verify.contract import NAMES
from streams.operations.verify.findings import Fault, Finding
from streams.operations.verify.scratch import as_uuid
from streams.operations.verify.snapshot import Snapshot, texts

_LOOK = "Look at the named records and at the ledger's row; then say which one counts and tell who reads the topic."
TWO_CONTACTS_EMAIL = Fault(
    "doubled",
    "two contacts for one e-mail",
    "One person is two contacts. The usual cause is a LEADS_SECRET that was changed: the contact keys follow from it.",
    "Set LEADS_SECRET back to what it was on every worker; which of the two contacts stays is a person's decision.",
)
TWO_CONTACTS_PHONE = Fault(
    "doubled", "two contacts for one phone", TWO_CONTACTS_EMAIL.means, TWO_CONTACTS_EMAIL.next
)
TWO_CONTENTS = Fault(
    "doubled",
    "one ce_id, two contents",
    "A result was published again and said something else, so that readers disagree about what happened.",
    _LOOK,
)
TWO_RESULTS = Fault(
    "doubled",
    "two results of one action for one event",
    "An action was done twice: ids are derived, so a second id means that the ledger was not asked or forgot.",
    _LOOK,
)
CREATED_TWICE = Fault(
    "doubled",
    "contact created twice",
    "Two events say that they made the contact; a restored or emptied database does that.",
    "Compare the database with its last back-up; readers keep the highest revision.",
)
OWNED_TWICE = Fault(
    "doubled",
    "contact given an owner twice",
    "The round went on a second time for a contact that had an owner, who was still on the roster.",
    "See which owner the contact has now (`leads show`), and tell the other one.",
)
TWO_OWNERS = Fault(
    "doubled",
    "contact given to two owners",
    "Two assignments name different owners, although the first one is still on the roster.",
    OWNED_TWICE.next,
)
WELCOMED_TWICE = Fault(
    "doubled",
    "contact welcomed twice",
    "Two events say that the welcome went out; there is one welcome per contact, ever.",
    "Look at the mail server for both message ids.",
)
MAIL_TWICE = Fault(
    "doubled",
    "one mail twice at the mail server",
    'The same mail went out again. With when_uncertain = "repeat" a crash may do that on purpose.',
    'See in leads.toml whether [welcome] when_uncertain is "repeat"; if not, look in the workers\' logs for a crash.',
)
TWO_MAILS = Fault(
    "doubled",
    "two mails to one contact",
    "A person got two different mails; there is one welcome per contact, ever.",
    "See whether something else writes to the same people; if not, look for two contacts or two databases.",
)
TWO_HOOKS = Fault(
    "doubled",
    "owner notified under two webhook-ids",
    "The receiver cannot know that both calls are about the same event.",
    "Look whether two groups or two databases work on the same topics.",
)
TOLD_TWICE = Fault(
    "doubled",
    "owner notified twice of one event",
    "Two results of one run name different notifications.",
    TWO_HOOKS.next,
)


def doubled(snapshot: Snapshot) -> Iterator[Finding]:
    """Give every effect that is there more than once."""
    yield from _contacts(snapshot)
    yield from _results(snapshot)
    yield from _once_per_contact(snapshot)
    yield from _owners(snapshot)
    if snapshot.has_mails:
        yield from _mails(snapshot)
    yield from _notifications(snapshot)


def _contacts(snapshot: Snapshot) -> Iterator[Finding]:
    for fault, column, which in (
        (TWO_CONTACTS_EMAIL, "email", "email IS NOT NULL"),
        (TWO_CONTACTS_PHONE, "phone", "phone IS NOT NULL AND email IS NULL"),
    ):
        statement = (
            f"SELECT group_concat(id) FROM contacts WHERE {which} GROUP BY {column} HAVING count(*) > 1"  # noqa: S608
        )
        for (ids,) in snapshot.ask(statement):
            yield Finding(fault, {"contacts": sorted(ids.split(","))})


_COPIES_THAT_DIFFER = """
SELECT event FROM records WHERE action IS NOT NULL
    AND event IN (SELECT event FROM records WHERE action IS NOT NULL GROUP BY event HAVING count(*) > 1)
GROUP BY event HAVING count(DISTINCT topic || hex(substr(bytes, 1, 16))) > 1
"""
_SECOND_RESULTS = """
SELECT r.action, min(r.event, o.event), max(r.event, o.event), r.run
FROM records r JOIN stray o ON o.action = r.action AND o.cause = r.cause AND o.run = r.run
WHERE r.action IS NOT NULL AND r.event <> o.event GROUP BY 1, 2, 3, 4
"""


def _results(snapshot: Snapshot) -> Iterator[Finding]:
    for (event,) in snapshot.ask(_COPIES_THAT_DIFFER):
        yield Finding(TWO_CONTENTS, {"id": as_uuid(event), "records": snapshot.places(event)})
    # Ids are derived, so of two results of one event at most one is of a record that is there: the other is a stray.
    for action, one, other, run in snapshot.ask(_SECOND_RESULTS):
        yield Finding(TWO_RESULTS, {"action": NAMES[action], "ids": texts(one, other), "run": as_uuid(run)})


_EVENTS_PER_CONTACT = """
SELECT f.contact, group_concat(DISTINCT hex(r.event)) FROM facts f JOIN records r ON r.n = f.record
WHERE f.topic = :topic AND f.outcome = :outcome GROUP BY f.contact HAVING count(*) > 1 AND count(DISTINCT r.event) > 1
"""


def _once_per_contact(snapshot: Snapshot) -> Iterator[Finding]:
    for fault, topic, outcome in (
        (CREATED_TWICE, "upserted", "created"),
        (WELCOMED_TWICE, "welcomed", "sent"),
    ):
        statement = _EVENTS_PER_CONTACT.replace(":topic", f":{topic}")
        for contact, events in snapshot.ask(statement, outcome=outcome):
            ids = texts(*(bytes.fromhex(each) for each in events.split(",")))
            yield Finding(fault, {"contact": contact, "ids": ids})


_ASSIGNMENTS = """
SELECT contact, event, event_before, outcome, owner, owner_before, names FROM (
    SELECT *, lag(event) OVER moments AS event_before, lag(owner) OVER moments AS owner_before
    FROM (SELECT f.contact, r.event, f.outcome, f.said AS owner, f.names, min(r.n) AS n
        FROM facts f JOIN records r ON r.n = f.record WHERE f.topic = :assigned GROUP BY f.contact, r.event, f.said)
    WHERE outcome = 'round-robin' OR NOT :is_round
    WINDOW moments AS (PARTITION BY contact ORDER BY n))
WHERE event_before IS NOT NULL AND (owner <> owner_before OR :is_round)
"""


def _owners(snapshot: Snapshot) -> Iterator[Finding]:
    for fault, is_round in ((OWNED_TWICE, True), (TWO_OWNERS, False)):
        for contact, event, before, outcome, owner, owner_before, names in snapshot.ask(
            _ASSIGNMENTS, is_round=is_round
        ):
            if outcome == "round-robin" and owner_before not in (names or "").split("\n"):
                continue  # who had it is no longer on the roster
            ids = {
                "contact": contact,
                "ids": texts(*{event, before}),
                "owners": sorted({owner, owner_before}),
            }
            yield Finding(fault, ids)


_MAILS = "SELECT message_id, count(*) FROM mails GROUP BY message_id HAVING count(*) > 1"
_RECIPIENTS = """
SELECT group_concat(DISTINCT message_id) FROM mailed WHERE recipient NOT IN (SELECT email FROM owners)
GROUP BY recipient HAVING count(DISTINCT message_id) > 1
"""


def _mails(snapshot: Snapshot) -> Iterator[Finding]:
    for message_id, number in snapshot.ask(_MAILS):
        yield Finding(MAIL_TWICE, {"message_id": message_id}, {"times": number})
    for (ids,) in snapshot.ask(_RECIPIENTS):
        yield Finding(TWO_MAILS, {"message_ids": sorted(ids.split(","))})


_HOOKS = """
SELECT group_concat(h.id), (SELECT group_concat(DISTINCT hex(r.run)) FROM facts f JOIN records r ON r.n = f.record
    WHERE f.topic = :assigned AND f.lead = h.lead) AS runs
FROM (SELECT DISTINCT id, lead FROM hooks) h GROUP BY h.lead HAVING count(*) > 1
"""
_TOLD = """
SELECT r.run, group_concat(DISTINCT f.said) FROM facts f JOIN records r ON r.n = f.record
WHERE f.topic = :notified AND f.outcome = 'sent' GROUP BY r.run HAVING count(DISTINCT f.said) > 1
"""
_REPEATED = "SELECT id, count(*) FROM hooks GROUP BY id HAVING count(*) > 1"


def _notifications(snapshot: Snapshot) -> Iterator[Finding]:
    """Give leads of which the owner heard under more ids than there were events about them."""
    for ids, runs in snapshot.ask(_HOOKS):
        about = texts(*(bytes.fromhex(each) for each in (runs or "").split(",") if each))
        if len(ids.split(",")) > max(len(about), 1):
            yield Finding(TWO_HOOKS, {"webhook_ids": sorted(ids.split(",")), "runs": about})
    for run, said in snapshot.ask(_TOLD):
        yield Finding(TOLD_TWICE, {"run": as_uuid(run), "references": sorted(said.split(","))})


def repeated_webhooks(snapshot: Snapshot) -> Iterator[dict[str, object]]:
    """Give webhook calls that came again under the same id, which the receiver drops: no fault."""
    return ({"webhook_id": each, "times": number} for each, number in snapshot.ask(_REPEATED))
