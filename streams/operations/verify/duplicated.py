"""Finds duplicates: contacts, assignments, results with other content, mails, webhook calls."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from streams.operations.verify.contract import ASSIGNED
from streams.operations.verify.findings import Fault, Finding
from streams.operations.verify.scratch import as_uuid
from streams.operations.verify.snapshot import Snapshot, texts

_LOOK = "Look at the named records and at the ledger's row; then say which one counts and tell who reads the topic."
TWO_CONTACTS_EMAIL = Fault(
    "duplicated",
    "two contacts for one e-mail",
    "One person is two contacts. The usual cause is a LEADS_SECRET that was changed: the contact keys follow from it.",
    "Set LEADS_SECRET back to what it was on every worker; which of the two contacts stays is a person's decision.",
)
TWO_CONTACTS_PHONE = Fault(
    "duplicated", "two contacts for one phone", TWO_CONTACTS_EMAIL.means, TWO_CONTACTS_EMAIL.next
)
TWO_CONTENTS = Fault(
    "duplicated",
    "one ce_id, two contents",
    "A result was published again with other content, so that readers disagree about what happened.",
    _LOOK,
)
TWO_RESULTS = Fault(
    "duplicated",
    "two results of one action for one event",
    "An action was done twice: ids are derived, so a second id means that the ledger was not asked or forgot.",
    _LOOK,
)
CREATED_TWICE = Fault(
    "duplicated",
    "contact created twice",
    "Two events say that they made the contact; a restored or emptied database does that.",
    "Compare the database with its last back-up; readers keep the highest revision.",
)
OWNED_TWICE = Fault(
    "duplicated",
    "contact given an owner twice",
    "The round went on a second time for a contact that had an owner, who was still on the roster.",
    "See which owner the contact has now (`leads show`), and tell the other one.",
)
TWO_OWNERS = Fault(
    "duplicated",
    "contact given to two owners",
    "Two assignments name different owners, although the first one is still on the roster.",
    OWNED_TWICE.next,
)
EFFECT_TWICE = Fault(
    "duplicated",
    "one effect in two results",
    "Two results state that they made a call that is made once: once per contact, ever, or once per run.",
    "Look at the other side for both references; tell whoever was written to twice.",
)
MAIL_TWICE = Fault(
    "duplicated",
    "one mail twice at the mail server",
    'The same mail went out again. With when_uncertain = "repeat" a crash may do that on purpose.',
    'If when_uncertain of this effect is not "repeat" in leads.toml, look in the workers\' logs for a crash.',
)
TWO_MAILS = Fault(
    "duplicated",
    "two mails to one contact",
    "A person got two different mails of an effect that happens once per contact, ever.",
    "See whether something else writes to the same people; if not, look for two contacts or two databases.",
)
TWO_HOOKS = Fault(
    "duplicated",
    "one effect of a lead under two webhook-ids",
    "The receiver cannot know that both calls are about the same event.",
    "Look whether two groups or two databases work on the same topics.",
)


def duplicated(snapshot: Snapshot) -> Iterator[Finding]:
    """Return whatever is there more than once."""
    yield from _contacts(snapshot)
    yield from _results(snapshot)
    yield from _created(snapshot)
    yield from _owners(snapshot)
    yield from _effects(snapshot)
    if snapshot.has_mails:
        yield from _mails(snapshot)
    if snapshot.has_webhooks:
        yield from _hooks(snapshot)


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
        yield Finding(
            TWO_RESULTS, {"action": snapshot.name(action), "ids": texts(one, other), "run": as_uuid(run)}
        )


_CREATED = """
SELECT f.contact, group_concat(DISTINCT hex(r.event)) FROM facts f JOIN records r ON r.n = f.record
WHERE f.topic = :upserted AND f.outcome = 'created'
GROUP BY f.contact HAVING count(*) > 1 AND count(DISTINCT r.event) > 1
"""


def _created(snapshot: Snapshot) -> Iterator[Finding]:
    for contact, events in snapshot.ask(_CREATED):
        yield Finding(CREATED_TWICE, {"contact": contact, "ids": _unhex(events)})


_ASSIGNMENTS = """
SELECT contact, event, event_before, outcome, owner, owner_before, names FROM (
    SELECT *, lag(event) OVER moments AS event_before, lag(owner) OVER moments AS owner_before
    FROM (SELECT f.contact, r.event, f.outcome, f.owner, f.names, min(r.n) AS n
        FROM facts f JOIN records r ON r.n = f.record WHERE f.topic = :assigned GROUP BY f.contact, r.event, f.owner)
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
                continue  # the earlier owner is no longer on the roster
            ids = {
                "contact": contact,
                "ids": texts(*{event, before}),
                "owners": sorted({owner, owner_before}),
            }
            yield Finding(fault, ids)


_EFFECTS = """
SELECT p.effect, min(p.contact), min(r.run), group_concat(DISTINCT hex(r.event)),
    json_group_array(DISTINCT p.reference) FILTER (WHERE p.reference IS NOT NULL)
FROM proofs p JOIN records r ON r.n = p.record
GROUP BY p.effect, p.key HAVING count(*) > 1 AND (count(DISTINCT r.event) > 1 OR count(DISTINCT p.reference) > 1)
"""


def _effects(snapshot: Snapshot) -> Iterator[Finding]:
    for effect, contact, run, events, references in snapshot.ask(_EFFECTS):
        about = {"contact": contact} if snapshot.contract.is_of_contact(effect) else {"run": as_uuid(run)}
        ids = {**about, "ids": _unhex(events), "references": sorted(json.loads(references))}
        yield Finding(EFFECT_TWICE, {"effect": effect, **ids})


_MAILS = "SELECT message_id, count(*) FROM mails GROUP BY message_id HAVING count(*) > 1"
# Mails about contacts may go to others, all to one mailbox of a team. A mail of no known effect may be for anybody.
_RECIPIENTS = """
SELECT DISTINCT m.recipient, o.effect, m.message_id FROM mailed m LEFT JOIN mails_of o ON o.reference = m.message_id
WHERE m.recipient IN (SELECT recipient FROM mailed GROUP BY recipient HAVING count(DISTINCT message_id) > 1)
    AND m.recipient NOT IN (SELECT email FROM owners)
    AND (o.effect IS NULL OR m.recipient IN (SELECT email FROM contacts WHERE email IS NOT NULL))
ORDER BY m.recipient
"""


def _mails(snapshot: Snapshot) -> Iterator[Finding]:
    for message_id, number in snapshot.ask(_MAILS):
        yield Finding(MAIL_TWICE, {"message_id": message_id}, {"times": number})
    for _, mails in groupby(snapshot.ask(_RECIPIENTS), key=lambda row: row[0]):
        for effect, ids in _by_effect(mails):
            # An effect per run mails a contact with every lead.
            is_once = effect is None or snapshot.contract.is_of_contact(effect)
            if is_once and len(ids) > 1:
                yield Finding(TWO_MAILS, {"effect": effect, "message_ids": sorted(ids)})


_HOOKS = """
SELECT DISTINCT h.lead, o.effect, h.webhook_id FROM hooks h LEFT JOIN hooks_of o ON o.reference = h.webhook_id
WHERE h.lead IN (SELECT lead FROM hooks GROUP BY lead HAVING count(DISTINCT webhook_id) > 1) ORDER BY h.lead
"""
_RUNS = """
SELECT DISTINCT r.run FROM facts f JOIN records r ON r.n = f.record WHERE f.topic = :assigned AND f.lead = :lead
"""
_REPEATED = "SELECT webhook_id, count(*) FROM hooks GROUP BY webhook_id HAVING count(*) > 1"


def _hooks(snapshot: Snapshot) -> Iterator[Finding]:
    """Return leads that reached the receiver under more ids than they had events."""
    for lead, hooks in groupby(snapshot.ask(_HOOKS), key=lambda row: row[0]):
        runs = texts(*(run for (run,) in snapshot.ask(_RUNS, lead=lead)))
        if not runs and snapshot.heads.get(ASSIGNED):
            snapshot.unjudged["leads with webhook calls whose events retention may have taken"] += 1
            continue
        for effect, ids in _by_effect(hooks):
            allowed = 1 if snapshot.contract.is_of_contact(effect) else max(len(runs), 1)
            if len(ids) > allowed:
                yield Finding(TWO_HOOKS, {"effect": effect, "webhook_ids": sorted(ids), "runs": runs})


def _by_effect(calls: Iterable[tuple[Any, str | None, str]]) -> Iterator[tuple[str | None, set[str]]]:
    """Return the ids of calls by effect. A call that belongs to none may be a second one of any."""
    ids: dict[str | None, set[str]] = defaultdict(set)
    for _, effect, reference in calls:
        ids[effect].add(reference)
    unknown = ids.pop(None, set())
    return ((effect, known | unknown) for effect, known in (ids or {None: set[str]()}).items())


def repeated_webhooks(snapshot: Snapshot) -> Iterator[dict[str, object]]:
    """Return webhook calls that came again under the same id, which the receiver drops: no fault."""
    return ({"webhook_id": each, "times": number} for each, number in snapshot.ask(_REPEATED))


def _unhex(events: str) -> list[str]:
    return texts(*(bytes.fromhex(each) for each in events.split(",")))
