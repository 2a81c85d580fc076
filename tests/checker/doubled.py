"""This file finds what happened twice: contacts, assignments, results with other content, mails, notifications."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from typing import Any

from tests.checker.evidence import ASSIGNED, NOTIFIED, UPSERTED, WELCOMED, Record
from tests.checker.seen import Seen

Finding = dict[str, Any]


def doubled(seen: Seen) -> list[Finding]:
    """Give every effect that is there more than once."""
    return [*_contacts(seen), *_results(seen), *_once_per_contact(seen), *_mails(seen), *_webhooks(seen)]


def _more_than_one(values: Iterable[Hashable]) -> list[Any]:
    return [value for value, number in Counter(values).items() if number > 1]


def _contacts(seen: Seen) -> list[Finding]:
    contacts = seen.evidence.contacts
    for_email = _more_than_one(contact.email for contact in contacts if contact.email)
    for_phone = _more_than_one(contact.phone for contact in contacts if contact.phone and not contact.email)
    found = [
        {
            "what": "two contacts for one e-mail",
            "contacts": [c.contact_id for c in contacts if c.email == email],
        }
        for email in for_email
    ]
    found += [
        {
            "what": "two contacts for one phone",
            "contacts": [c.contact_id for c in contacts if c.phone == phone and not c.email],
        }
        for phone in for_phone
    ]
    return found


def _results(seen: Seen) -> list[Finding]:
    """Give results of one id that differ, and second results of one event."""
    found: list[Finding] = []
    causes: dict[tuple[str | None, ...], set[str]] = defaultdict(set)
    for event_id, copies in seen.results.items():
        if len({(copy.topic, copy.key, copy.value) for copy in copies}) > 1:
            found.append(
                {"what": "one ce_id, two contents", "id": event_id, "records": [c.place for c in copies]}
            )
        first = copies[0]
        # The correlation id is part of it: two sources may number their events alike.
        cause = (first.header("ce_source"), first.header("ce_causationid"), first.header("ce_correlationid"))
        causes[cause].add(event_id)
    found += [
        {"what": f"two results of {source} for one event", "ids": sorted(ids), "cause": cause}
        for (source, cause, _), ids in causes.items()
        if len(ids) > 1
    ]
    return found


def _once_per_contact(seen: Seen) -> list[Finding]:
    """Give contacts that were made, given an owner or welcomed by two different events."""
    found: list[Finding] = []
    for topic, name, value, what in (
        (UPSERTED, "outcome", "created", "contact created twice"),
        (ASSIGNED, "strategy", "round-robin", "contact given an owner twice"),
        (WELCOMED, "outcome", "sent", "contact welcomed twice"),
    ):
        ids: dict[str, set[str]] = defaultdict(set)
        for record in seen.evidence.records.get(topic, []):
            if record.data.get(name) == value:
                ids[record.data.get("contact_id", "")].add(record.header("ce_id") or "")
        found += [
            {"what": what, "contact": contact, "ids": sorted(events)}
            for contact, events in ids.items()
            if len(events) > 1
        ]
    owners: dict[str, set[str]] = defaultdict(set)
    for record in seen.evidence.records.get(ASSIGNED, []):
        owners[record.data.get("contact_id", "")].add(_owner(record))
    found += [
        {"what": "contact given to two owners", "contact": contact, "owners": sorted(given)}
        for contact, given in owners.items()
        if len(given) > 1
    ]
    return found


def _owner(record: Record) -> str:
    return str(record.data.get("owner", {}).get("id"))


def _mails(seen: Seen) -> list[Finding]:
    owners = {
        str(record.data.get("owner", {}).get("email")).lower()
        for record in seen.evidence.records.get(ASSIGNED, [])
    }
    mails = seen.evidence.mails
    by_id = _more_than_one(mail.message_id for mail in mails)
    to = defaultdict(list)
    for mail in mails:
        for recipient in mail.to:
            to[recipient.lower()].append(mail.message_id)
    found: list[Finding] = [
        {"what": "one mail twice at the mail server", "message_id": each} for each in by_id
    ]
    found += [
        {"what": "two mails to one contact", "message_ids": ids}
        for recipient, ids in to.items()
        if len(set(ids)) > 1 and recipient not in owners
    ]
    return found


def _webhooks(seen: Seen) -> list[Finding]:
    """Give leads of which the owner heard under more ids than there were events about them."""
    runs: dict[str, set[str]] = defaultdict(set)
    for record in seen.evidence.records.get(ASSIGNED, []):
        runs[str(record.data.get("lead_id"))].add(record.header("ce_correlationid") or "")
    hooks: dict[str, set[str]] = defaultdict(set)
    for hook in seen.evidence.webhooks:
        hooks[hook.lead_id].add(hook.webhook_id)
    found = [
        {"what": "owner notified under two webhook-ids", "lead": lead, "webhook_ids": sorted(ids)}
        for lead, ids in hooks.items()
        if len(ids) > max(len(runs[lead]), 1)
    ]
    told: dict[str, set[str]] = defaultdict(set)
    for record in seen.evidence.records.get(NOTIFIED, []):
        if record.data.get("outcome") == "sent":
            told[record.header("ce_correlationid") or ""].add(str(record.data.get("reference")))
    found += [
        {"what": "owner notified twice of one event", "run": run, "references": sorted(references)}
        for run, references in told.items()
        if len(references) > 1
    ]
    return found


def repeated_webhooks(seen: Seen) -> list[Finding]:
    """Give webhook calls that came again under the same id."""
    counts = Counter(hook.webhook_id for hook in seen.evidence.webhooks)
    return [{"webhook_id": each, "times": number} for each, number in counts.items() if number > 1]
