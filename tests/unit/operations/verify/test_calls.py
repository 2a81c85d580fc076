"""Faults by which calls, their results and the journals outside disagree."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from streams.operations.verify.contract import (
    ASSIGNED,
    CALLED,
    INTENT,
    LETTER,
    derive,
    mail_id_of,
)
from streams.operations.verify.evidence import ContactRow, EffectRow, Mail
from streams.operations.verify.findings import Kind
from tests.unit.operations.verify.history import (
    NOTIFIED,
    NOW_MS,
    OWNERS_EMAIL,
    WELCOMED,
    History,
    letter_of,
)
from tests.unit.operations.verify.planting import (
    Plant,
    Planted,
    assert_named,
    each,
    fault_in,
    judged,
    with_data,
)

FAULTS: list[Planted] = []
fault = partial(fault_in, FAULTS)


@fault("inconsistent", "a result names a mail that the mail server does not have")
def a_mail_that_was_reported_and_not_sent(history: History) -> str:
    return history.mails.pop().message_id


@fault("inconsistent", "a result names a webhook call that the receiver does not have")
def a_webhook_call_that_was_reported_and_not_made(history: History) -> str:
    return history.webhooks.pop().webhook_id


@fault("inconsistent", "a mail that nobody accounts for")
def a_mail_that_nobody_accounts_for(history: History) -> str:
    history.mails.append(Mail(("stranger@customer.example",), "<stranger@acme.example>"))
    return "<stranger@acme.example>"


@fault("inconsistent", "a mail that nobody accounts for")
def a_mail_without_its_intent(history: History) -> str:
    """The mail follows from an effect's key, but that effect was never begun."""
    history.records.remove(history.of(WELCOMED))
    history.effects.clear()
    return history.mails[0].message_id


@fault("inconsistent", "an intent without outcome, and no letter UNCERTAIN")
def an_intent_without_a_letter(history: History) -> str:
    history.effects[0] = replace(history.effects[0], status=INTENT)
    return history.effects[0].ledger_id


@each(FAULTS)
async def test_calls_faults_are_named_with_their_ids_and_without_personal_data(
    history: History, plant: Plant, kind: Kind, what: str
) -> None:
    await assert_named(history, plant, kind, what)


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
