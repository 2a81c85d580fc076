"""This file finds what happened only in part: one side says done and the other does not have it."""

from __future__ import annotations

from typing import Any

from tests.checker.evidence import (
    ASSIGNED,
    CALLED,
    DONE,
    INTENT,
    LETTERS,
    UPSERTED,
    WELCOMED,
    ContactRow,
    EffectRow,
)
from tests.checker.seen import Seen

Finding = dict[str, Any]


def torn(seen: Seen) -> list[Finding]:
    """Give every half that has no other half. What is unread may still become whole, and is no finding."""
    return [
        *_results(seen),
        *_ledger(seen),
        *_letters(seen),
        *_contacts(seen),
        *_mails(seen),
        *_intents(seen),
    ]


def _results(seen: Seen) -> list[Finding]:
    found: list[Finding] = []
    for event_id, copies in seen.results.items():
        row = seen.ledger.get(event_id)
        where = {"id": event_id, "record": copies[0].place}
        if row is None or row.status != DONE:
            found.append({"what": "a result event that the ledger does not have", **where})
        elif row.result != copies[0].value:
            found.append({"what": "the ledger has another result than the topic", **where})
        if event_id not in seen.expected:
            found.append({"what": "a result event of no record there is", **where})
    return found


def _ledger(seen: Seen) -> list[Finding]:
    found: list[Finding] = []
    for row in seen.evidence.ledger:
        steps = seen.expected.get(row.id, [])
        where = {"id": row.id, "action": row.action, "lead": row.lead_id}
        if not steps:
            found.append({"what": "a ledger row of no record there is", **where})
        elif seen.is_pending(row.id):
            continue  # committed and not yet acknowledged: it will be told (again)
        elif row.status == DONE and row.id not in seen.results:
            found.append({"what": "done by the ledger, but no result event", **where})
        elif row.status != DONE and not any(seen.letter_of(step) for step in steps):
            found.append({"what": "failed by the ledger, but no letter", **where})
    return found


def _letters(seen: Seen) -> list[Finding]:
    found: list[Finding] = []
    for letter in seen.letters.values():
        if letter.status == "unindexed":
            is_unread = any(
                seen.evidence.is_unread(copy)
                for copy in seen.evidence.records[LETTERS]
                if copy.place == letter.record.place
            )
            if not is_unread:
                found.append({"what": "a letter that is not in the index", "letter": letter.id})
    for step in seen.steps:
        own = seen.by_place.get((step.action, step.record.place))
        if own is not None and own.is_open and own.code != "ID_REUSED" and seen.results_of(step):
            found.append(
                {"what": "a result, and an open letter", "letter": own.id, "record": step.record.place}
            )
    return found


def _contacts(seen: Seen) -> list[Finding]:
    found: list[Finding] = []
    contacts: dict[str, ContactRow] = {contact.contact_id: contact for contact in seen.evidence.contacts}
    upserted: dict[str, int] = {}
    for record in seen.evidence.records.get(UPSERTED, []):
        contact_id = str(record.data.get("contact_id"))
        upserted[contact_id] = max(upserted.get(contact_id, 0), int(record.data.get("revision", 0)))
    for contact_id, revision in upserted.items():
        contact = contacts.get(contact_id)
        if contact is None:
            found.append({"what": "ContactUpserted, but no contact", "contact": contact_id})
        elif contact.revision < revision:
            found.append({"what": "the contact is older than its newest event", "contact": contact_id})
    may_follow = any(
        seen.evidence.is_unread(step.record)
        for step in seen.steps
        if step.action == "create-or-update-contact"
    )
    if not may_follow:
        found += [
            {"what": "a contact whose last change no event tells", "contact": contact.contact_id}
            for contact in contacts.values()
            if upserted.get(contact.contact_id) != contact.revision
        ]
    for record in seen.evidence.records.get(ASSIGNED, []):
        contact = contacts.get(str(record.data.get("contact_id")))
        owner = record.data.get("owner", {}).get("id")
        if contact is None or contact.owner_id != owner:
            found.append({"what": "LeadAssigned, but the contact has not this owner", "record": record.place})
    return found


def _mails(seen: Seen) -> list[Finding]:
    at_server = {mail.message_id for mail in seen.evidence.mails}
    said = {
        str(record.data.get("message_id")): record.place
        for record in seen.evidence.records.get(WELCOMED, [])
        if record.data.get("outcome") == "sent"
    }
    found: list[Finding] = [
        {
            "what": "LeadWelcomed says sent, but the mail server has no such mail",
            "message_id": each,
            "record": place,
        }
        for each, place in said.items()
        if each not in at_server
    ]
    effects = {effect.key: effect for effect in seen.evidence.effects}
    keys = {contact.email: contact.contact_key for contact in seen.evidence.contacts if contact.email}
    owners = {
        str(record.data.get("owner", {}).get("email")).lower()
        for record in seen.evidence.records.get(ASSIGNED, [])
    }
    for mail in seen.evidence.mails:
        if mail.message_id in said or {to.lower() for to in mail.to} <= owners:
            continue
        effect = effects.get(f"welcome:{keys.get(mail.to[0].lower())}")
        is_told = effect is not None and (
            effect.status == INTENT or _is_told_soon(seen, effect) or _is_told_uncertain(seen, effect)
        )
        if not is_told:
            found.append({"what": "a mail that nobody accounts for", "message_id": mail.message_id})
    return found


def _is_told_uncertain(seen: Seen, effect: EffectRow) -> bool:
    # Also with an outcome: a worker that was paused while it called says it late, when its successor, which could not
    # know, has asked a person already.
    steps = seen.expected.get(effect.ledger_id, [])
    return any(
        letter.failure_class == "uncertain" for step in steps if (letter := seen.letter_of(step)) is not None
    )


def _is_told_soon(seen: Seen, effect: EffectRow) -> bool:
    return effect.status == CALLED and seen.is_pending(effect.ledger_id)


def _intents(seen: Seen) -> list[Finding]:
    """Give intents without outcome that nobody is told of: no letter, and nothing unread that leads to one."""
    found: list[Finding] = []
    for effect in seen.evidence.effects:
        if effect.status != INTENT or seen.is_pending(effect.ledger_id):
            continue
        if not _is_told_uncertain(seen, effect):
            found.append(
                {"what": "an intent without outcome, and no letter UNCERTAIN", "result": effect.ledger_id}
            )
    return found
