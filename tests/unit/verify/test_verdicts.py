"""This file holds `leads verify` to its verdicts: each planted fault is named with its ids, and health has none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from streams.verify.contract import (
    ASSIGNED,
    GONE,
    INTENT,
    LETTER,
    LETTERS,
    MATCHED,
    RECEIVED,
    UPSERTED,
    WELCOMED,
    Headers,
    derive,
)
from streams.verify.evidence import Record
from streams.verify.findings import Kind
from streams.verify.judge import Verdict
from streams.verify.scratch import Scratch
from streams.verify.verifying import Question, verify
from tests.unit.verify.history import (
    CONTACT,
    GROUP,
    KEY,
    LEAD_ID,
    NOW_MS,
    PREFIX,
    History,
    healthy,
    received,
    result,
    result_id,
)


class StoreOf:
    """The tables of a history."""

    def __init__(self, history: History) -> None:
        self._history = history

    def read(self, scratch: Scratch) -> None:
        self._history.tables(scratch)


async def judged(history: History) -> Verdict:
    question = Question(PREFIX, GROUP, pause_s=0)
    return await verify(question, history, StoreOf(history), lambda *_: None)


async def test_a_healthy_history_has_no_finding_and_its_fates_add_up() -> None:
    verdict = await judged(healthy())

    assert verdict.is_clean, verdict.as_data()
    assert verdict.counts["fates"] == {"onboarded": 1, "letter": 1}
    assert not verdict.is_second_look


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


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
async def test_a_planted_fault_is_named_with_its_id(plant: Callable[[History], str]) -> None:
    kind, what = FAULTS[plant]
    history = healthy()

    offending = plant(history)
    verdict = await judged(history)

    found = [each for each in verdict.found(kind) if each["what"] == what]
    assert offending in json.dumps(found), verdict.as_data()


async def test_a_record_that_is_not_settled_yet_is_under_way() -> None:
    history = healthy()
    history.records.append(received(("/web", "e-3"), 2, b"{}"))
    history.settled[RECEIVED] = 2

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()
    assert verdict.counts["unread"] == {RECEIVED: 1}


async def test_what_becomes_whole_between_two_looks_is_no_finding() -> None:
    history = healthy()
    late = history.of(WELCOMED)
    history.records.remove(late)
    history.meanwhile.append(lambda now: now.records.append(late))

    verdict = await judged(history)

    assert verdict.is_second_look
    assert verdict.is_clean, verdict.as_data()


async def test_a_copy_of_a_result_is_no_finding() -> None:
    history = healthy()
    history.records.append(replace(result("assign-owner"), offset=1))

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()


async def test_the_index_is_held_to_the_last_edit_of_a_letter_wherever_its_copies_stand() -> None:
    history = healthy()
    letter = history.of(LETTERS)
    copies = [edited(letter, 2, b'{"second": 1}', offset=1), edited(letter, 1, b'{"first": 1}', offset=2)]
    history.records += copies
    history.letters = [replace(history.letters[0], value=b'{"second": 1}')]

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()


@pytest.mark.parametrize("status", GONE)
async def test_a_letter_whose_record_the_index_does_not_keep_any_more_is_no_finding(status: str) -> None:
    history = healthy()
    history.letters = [replace(history.letters[0], status=status, key=None, value=None, headers=[])]

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()


def edited(letter: Record, number: int, value: bytes, *, offset: int) -> Record:
    """The letter's copy on its topic after so many edits."""
    digest = hashlib.sha256(value).hexdigest().encode()
    kept = [(name, digest if name == f"{LETTER}value.sha256" else raw) for name, raw in letter.headers]
    own: Headers = [(f"{LETTER}edit.number", str(number).encode()), (f"{LETTER}edit.sha256", b"0" * 64)]
    return replace(letter, value=value, headers=[*kept, *own], offset=offset)


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
async def test_no_finding_says_anything_about_a_person(plant: Callable[[History], str]) -> None:
    history = healthy()
    plant(history)

    told = json.dumps((await judged(history)).as_data())

    assert "customer.example" not in told
    assert KEY not in told
