"""Holds `leads verify` to its verdicts: each planted fault is named with its ids, and health has none."""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
from dataclasses import replace
from pathlib import Path

import pytest

import streams.operations.verify as verify_room
from streams.operations.verify.contract import (
    ASSIGNED,
    CALLED,
    EFFECT_KEY,
    EFFECT_REFERENCE,
    GONE,
    INTENT,
    LETTER,
    LETTERS,
    RECEIVED,
    Headers,
    derive,
    mail_id_of,
)
from streams.operations.verify.evidence import ContactRow, EffectRow, Mail, Record, Webhook
from streams.operations.verify.findings import Fault, Kind
from streams.operations.verify.judge import Verdict
from streams.operations.verify.scratch import Scratch
from streams.operations.verify.verifying import Question, verify
from tests.unit.operations.verify.faults import FAULTS, Plant, with_data, with_header
from tests.unit.operations.verify.history import (
    GROUP,
    KEY,
    LEAD,
    NOTIFIED,
    NOW_MS,
    OWNERS_EMAIL,
    PREFIX,
    WELCOMED,
    History,
    healthy,
    letter_of,
    received,
)


class StoreOf:
    """The tables of a history."""

    def __init__(self, history: History) -> None:
        self._history = history

    def read(self, scratch: Scratch) -> None:
        self._history.tables(scratch)


async def judged(
    history: History,
    *,
    limit: int = 20,
    has_journals: bool = True,
    received_from: dict[int, int] | None = None,
) -> Verdict:
    mails, webhooks = history.journals() if has_journals else (None, None)
    question = Question(
        history.contract,
        PREFIX,
        GROUP,
        limit,
        mails=mails,
        webhooks=webhooks,
        received_from=received_from,
        pause_s=0,
    )
    return await verify(question, history, StoreOf(history), lambda *_: None)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return healthy(tmp_path)


@pytest.mark.parametrize("has_journals", [True, False])
async def test_a_healthy_history_has_no_finding_and_its_fates_add_up(
    history: History, *, has_journals: bool
) -> None:
    verdict = await judged(history, has_journals=has_journals)

    assert verdict.is_clean, verdict.as_data()
    assert verdict.counts["fates"] == {"onboarded": 1, "letter": 1}
    assert (verdict.uncertain, verdict.repeated_webhooks, verdict.unjudged) == ([], [], {})
    assert not verdict.is_second_look


@pytest.mark.parametrize(("plant", "kind", "what"), FAULTS, ids=lambda plant: getattr(plant, "__name__", ""))
async def test_a_planted_fault_is_named_with_its_id(
    history: History, plant: Plant, kind: Kind, what: str
) -> None:
    offending = plant(history)
    verdict = await judged(history)

    found = [each for each in verdict.found(kind) if each["what"] == what]
    assert offending in json.dumps(found), verdict.as_data()


@pytest.mark.parametrize(("plant", "kind", "what"), FAULTS, ids=lambda plant: getattr(plant, "__name__", ""))
async def test_no_finding_has_personal_data(history: History, plant: Plant, kind: Kind, what: str) -> None:
    plant(history)

    printed = json.dumps((await judged(history)).as_data())

    assert "customer.example" not in printed.replace("stranger@customer.example", "")
    assert KEY not in printed


async def test_a_record_that_is_not_settled_yet_is_under_way(history: History) -> None:
    history.records.append(received(("/web", "e-3"), 2, b"{}"))
    history.settled[RECEIVED] = 2

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()
    assert verdict.counts["unread"] == {RECEIVED: 1}
    assert verdict.counts["fates"]["on its way"] == 1


async def test_a_repetition_is_counted_with_the_fate_of_its_event(history: History) -> None:
    history.records.append(replace(history.of(RECEIVED), offset=2))

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()
    assert verdict.counts["fates"] == {"onboarded": 1, "letter": 1, "repetition": 1}
    assert verdict.counts["repetitions"] == {"onboarded": 1}


async def test_leads_received_from_an_offset_on_are_counted_alone_and_known_events_stay_repetitions(
    history: History,
) -> None:
    history.records.append(replace(history.of(RECEIVED), offset=2))

    verdict = await judged(history, received_from={0: 1})

    assert (verdict.counts["received"], verdict.counts["fates"]) == (2, {"letter": 1, "repetition": 1})
    assert (await judged(history, received_from={1: 0})).counts["received"] == 0


async def test_what_becomes_whole_between_two_looks_is_no_finding(history: History) -> None:
    late = history.of(WELCOMED)
    history.records.remove(late)
    history.meanwhile.append(lambda now: now.records.append(late))

    verdict = await judged(history)

    assert verdict.is_second_look
    assert verdict.is_clean, verdict.as_data()


async def test_a_copy_of_a_result_is_no_finding(history: History) -> None:
    history.records.append(replace(history.of(ASSIGNED), offset=1))

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()


async def test_the_index_is_held_to_the_last_edit_of_a_letter_wherever_its_copies_stand(
    history: History,
) -> None:
    letter = history.of(LETTERS)
    copies = [edited(letter, 2, b'{"second": 1}', offset=1), edited(letter, 1, b'{"first": 1}', offset=2)]
    history.records += copies
    history.letters = [replace(history.letters[0], value=b'{"second": 1}')]

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()


@pytest.mark.parametrize("status", GONE)
async def test_a_letter_whose_record_the_index_does_not_keep_any_more_is_no_finding(
    history: History, status: str
) -> None:
    history.letters = [replace(history.letters[0], status=status, key=None, value=None, headers=[])]

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()


def edited(letter: Record, number: int, value: bytes, *, offset: int) -> Record:
    """Return the letter's copy on its topic after so many edits."""
    digest = hashlib.sha256(value).hexdigest().encode()
    kept = [(name, digest if name == f"{LETTER}value.sha256" else raw) for name, raw in letter.headers]
    own: Headers = [(f"{LETTER}edit.number", str(number).encode()), (f"{LETTER}edit.sha256", b"0" * 64)]
    return replace(letter, value=value, headers=[*kept, *own], offset=offset)


async def test_a_webhook_call_that_comes_again_under_its_id_is_counted_and_no_finding(
    history: History,
) -> None:
    history.webhooks.append(history.webhooks[0])

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()
    assert verdict.repeated_webhooks == [{"webhook_id": history.webhooks[0].webhook_id, "times": 2}]
    assert (verdict.counts["webhooks"], verdict.counts["repeated_webhooks"]) == (1, 1)


async def test_owners_are_mailed_about_every_lead(history: History) -> None:
    """As with LEADS_NOTIFY=mailto: each notification is a mail of its own."""
    notified = history.of(NOTIFIED)
    message_id = f"<{mail_id_of(history.effect_key(history.action(NOTIFIED)))}@acme.example>"
    changed = with_data(notified, reference=message_id)
    history.records[history.records.index(notified)] = changed
    history.ledger = [
        replace(row, result=changed.value) if row.result == notified.value else row for row in history.ledger
    ]
    history.webhooks.clear()
    history.mails += [
        Mail((OWNERS_EMAIL,), message_id),
        Mail((OWNERS_EMAIL,), "<of another system@acme.example>"),
    ]

    verdict = await judged(history)
    assert verdict.is_clean, verdict.as_data()

    history.mails = history.mails[:-2]
    verdict = await judged(history)
    assert [each["message_id"] for each in verdict.found("inconsistent")] == [message_id]


@pytest.mark.parametrize("status", [INTENT, CALLED])
async def test_an_uncertain_mail_is_accounted_for_by_its_letter_and_counted(
    history: History, status: int
) -> None:
    """CALLED: a worker that was paused while it called wrote the outcome when its successor had asked a person."""
    make_uncertain(history, status)

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()
    assert verdict.counts["fates"] == {"letter": 2}
    assert verdict.counts["uncertain"] == len(verdict.uncertain) == 1
    if status == INTENT:
        assert verdict.uncertain[0]["contact"] == history.contacts[0].contact_id
        assert verdict.uncertain[0]["is_at_mail_server"] is True


def make_uncertain(history: History, status: int) -> None:
    """Cut the welcome off: the mail is out, and its letter asks a person."""
    action = history.action(WELCOMED)
    history.records.remove(history.of(WELCOMED))
    row = next(each for each in history.ledger if each.id == history.result_id(action))
    history.ledger[history.ledger.index(row)] = replace(row, status=2, result=b"{}")
    history.effects[0] = replace(history.effects[0], status=status)
    letter = letter_of(history.of(ASSIGNED), action.name, offset=1)
    headers = [(n, b"uncertain" if n == f"{LETTER}class" else v) for n, v in letter.headers]
    letter = replace(letter, headers=headers)
    history.records.append(letter)
    first = history.letters[0]
    history.letters.append(
        replace(
            first,
            id=str(letter.header(LETTER + "id")),
            action=action.name,
            key=letter.key,
            value=letter.value,
            headers=letter.original_headers,
        )
    )


async def test_results_with_and_without_the_headers_of_an_effect_are_of_one_effect(history: History) -> None:
    """An older build's result proves its call by a field; the second one has but headers, and states the same key."""
    first = history.of(WELCOMED)
    second = with_header(with_data(replace(first, offset=1), message_id=None), "ce_id", derive("another"))
    history.records.append(with_header(second, EFFECT_REFERENCE, "<second@acme.example>"))
    own = (EFFECT_KEY, EFFECT_REFERENCE)
    history.swap(first, headers=[(name, value) for name, value in first.headers if name not in own])

    verdict = await judged(history)

    found = [each for each in verdict.found("duplicated") if each["what"] == "one effect in two results"]
    assert [each["references"] for each in found] == [
        sorted([history.mails[0].message_id, "<second@acme.example>"])
    ]


async def test_a_mail_whose_result_retention_took_is_not_judged(history: History) -> None:
    old = NOW_MS - 86_400_000
    key = "welcome:of long ago"
    history.contacts.append(ContactRow("of long ago", "contact-0", "old@customer.example", None, None, 0))
    history.effects.append(EffectRow(key, derive("long ago"), CALLED, old * 1000))
    history.mails.append(Mail(("old@customer.example",), f"<{mail_id_of(key)}@acme.example>"))
    history.starts = dict.fromkeys(history.contract.results, 1)
    history.records = [
        replace(each, offset=each.offset + 1) if each.topic in history.starts else each
        for each in history.records
    ]

    verdict = await judged(history)

    assert verdict.unjudged["mails whose result retention may have taken"] == 1
    assert [each for each in verdict.found("inconsistent") if "message_id" in each] == []


async def test_the_limit_cuts_what_is_listed_and_never_what_is_counted(history: History) -> None:
    for number in range(5):
        history.webhooks += [Webhook(f"msg_{number}", f"{LEAD}-{number}")] * 2
        history.effects.append(EffectRow(f"welcome:{number}", derive(number), INTENT, NOW_MS * 1000))

    verdict = await judged(history, limit=2)

    assert (len(verdict.repeated_webhooks), verdict.counts["repeated_webhooks"]) == (2, 5)
    assert (len(verdict.uncertain), verdict.counts["uncertain"]) == (2, 5)
    (tally,) = verdict.findings.of("inconsistent")
    assert (len(tally.kept), tally.count) == (2, 5)


def test_every_fault_is_planted() -> None:
    found = pkgutil.iter_modules(verify_room.__path__, f"{verify_room.__name__}.")
    modules = [importlib.import_module(each.name) for each in found]
    values = [value for module in modules for value in vars(module).values()]
    values += [each for value in values if isinstance(value, dict) for each in value.values()]

    faults = {(each.kind, each.what) for each in values if isinstance(each, Fault)}
    assert faults == {(kind, what) for _, kind, what in FAULTS}
