"""This file plants faults in a healthy history: each gives the id by which its finding must name it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from streams.operations.verify.contract import (
    ASSIGNED,
    INTENT,
    LETTER,
    LETTERS,
    MATCHED,
    RECEIVED,
    UPSERTED,
    WELCOMED,
    derive,
)
from streams.operations.verify.findings import Kind
from tests.unit.verify.history import (
    CONTACT,
    KEY,
    LEAD_ID,
    NOW_MS,
    PREFIX,
    History,
    received,
    result_id,
)


def lost_lead(history: History) -> str:
    history.records.append(received(("/web", "e-3"), 2, b"{}"))
    return f"{PREFIX}{RECEIVED}/0/2"


def lost_letter(history: History) -> str:
    history.records.remove(history.of(LETTERS))
    return f"{PREFIX}{RECEIVED}/0/1"


def other_content(history: History) -> str:
    history.records.append(replace(history.of(ASSIGNED), offset=1, value=b'{"contact_key": "other"}'))
    return result_id("assign-owner")


def old_field(history: History) -> str:
    said = {"contact_key": KEY, "lead": {"company": "New GmbH"}, "origin": {"time": "2026-11-23T12:00:00Z"}}
    history.swap(history.of(MATCHED), value=json.dumps(said).encode())
    at = next(each for each in history.ledger if each.action == "find-duplicates")
    history.ledger[history.ledger.index(at)] = replace(at, result=json.dumps(said).encode())
    fields = {"company": ["Old GmbH", "/web", "2026-11-23T08:00:00Z", "e-0"]}
    history.contacts[0] = replace(history.contacts[0], fields=json.dumps(fields).encode())
    return CONTACT


def reused_id(history: History) -> str:
    history.swap(history.of(RECEIVED), value=b'{"email": "ana@customer.example"}')
    history.records.append(received(LEAD_ID, 2, b'{"email": "eva@customer.example"}'))
    return f"{PREFIX}{RECEIVED}/0/2"


def second_result(history: History) -> str:
    first = history.of(WELCOMED)
    other = derive("another")
    headers = [(n, other.encode() if n == "ce_id" else v) for n, v in first.headers]
    history.records.append(replace(first, offset=1, headers=headers))
    return other


def second_contact(history: History) -> str:
    history.contacts.append(replace(history.contacts[0], contact_key="other", contact_id="contact-2"))
    return "contact-2"


def no_ledger_row(history: History) -> str:
    gone = history.ledger.pop(2)
    return gone.id


def no_result(history: History) -> str:
    history.records.remove(history.of(WELCOMED))
    return result_id("send-welcome-email")


def no_contact(history: History) -> str:
    history.contacts.clear()
    return CONTACT


def stale_contact(history: History) -> str:
    history.contacts[0] = replace(history.contacts[0], revision=0)
    return CONTACT


def other_owner(history: History) -> str:
    history.contacts[0] = replace(history.contacts[0], owner_id="bob")
    return CONTACT


def no_index(history: History) -> str:
    return history.letters.pop().id


def nobody_told(history: History) -> str:
    history.effects[0] = replace(history.effects[0], status=INTENT)
    return history.effects[0].ledger_id


def changed_letter(history: History) -> str:
    letter = history.of(LETTERS)
    history.swap(letter, value=b"{}")
    return str(letter.header(LETTER + "id"))


def wrong_key(history: History) -> str:
    history.swap(history.of(UPSERTED), key=b"other")
    return f"{PREFIX}{UPSERTED}/0/0"


def wrong_cause(history: History) -> str:
    record = history.of(UPSERTED)
    headers = [(n, b"another" if n == "ce_causationid" else v) for n, v in record.headers]
    history.swap(record, headers=headers)
    return f"{PREFIX}{UPSERTED}/0/0"


def old_lag(history: History) -> str:
    lead = received(("/web", "e-3"), 2, b"{}")
    history.records.append(replace(lead, timestamp=NOW_MS - 3_600_000))
    history.settled[RECEIVED] = 2
    return f"{PREFIX}{RECEIVED}/0/2"


def overdue_retry(history: History) -> str:
    history.letters[0] = replace(history.letters[0], status="scheduled", due_at=1)
    return history.letters[0].id


FAULTS: dict[Callable[[History], str], tuple[Kind, str]] = {
    lost_lead: ("lost", "an action left no result and no letter"),
    lost_letter: ("lost", "an action left no result and no letter"),
    reused_id: ("lost", "an id that came again with other content, and no letter"),
    old_field: ("torn", "a contact's field is older than what a lead said later"),
    other_content: ("doubled", "one ce_id, two contents"),
    second_result: ("doubled", "two results of one action for one event"),
    second_contact: ("doubled", "two contacts for one e-mail"),
    no_ledger_row: ("torn", "a result event that the ledger does not have"),
    no_result: ("torn", "done by the ledger, but no result event"),
    no_contact: ("torn", "ContactUpserted, but no contact"),
    stale_contact: ("torn", "the contact is older than its newest event"),
    other_owner: ("torn", "LeadAssigned, but the contact has not this owner"),
    no_index: ("torn", "a letter that is not in the index"),
    nobody_told: ("torn", "an intent without outcome, and no letter UNCERTAIN"),
    changed_letter: ("altered", "the letter's value is not that of the record"),
    wrong_key: ("out_of_place", "a result under another key"),
    wrong_cause: ("out_of_place", "a result with another ce_causationid than its event's"),
    old_lag: ("stuck", "lag that does not move"),
    overdue_retry: ("stuck", "a scheduled retry that is long overdue"),
}
