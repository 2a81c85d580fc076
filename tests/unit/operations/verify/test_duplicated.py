"""Faults by which something exists twice, and copies that are none."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from streams.operations.verify.contract import (
    ASSIGNED,
    EFFECT_KEY,
    EFFECT_REFERENCE,
    INTENT,
    UPSERTED,
    derive,
    hook_id_of,
)
from streams.operations.verify.evidence import EffectRow, Webhook
from streams.operations.verify.findings import Kind
from tests.unit.operations.verify.history import (
    LEAD,
    NOTIFIED,
    NOW_MS,
    WELCOMED,
    History,
)
from tests.unit.operations.verify.planting import (
    Plant,
    Planted,
    a_second_result,
    assert_named,
    each,
    event_id,
    fault_in,
    judged,
    with_data,
    with_header,
)

FAULTS: list[Planted] = []
fault = partial(fault_in, FAULTS)


def an_effect_in_two_results(topic: str, history: History) -> str:
    second = with_header(replace(history.of(topic), offset=1), "ce_id", derive("another"))
    effect = history.action(topic).effect
    assert effect is not None
    assert effect.reference_field is not None
    history.records.append(with_data(second, **{effect.reference_field: "another reference"}))
    return "another reference"


@fault("duplicated", "one ce_id, two contents")
def the_same_assignment_to_another_owner(history: History) -> str:
    owner = {"id": "zoe", "email": "zoe@acme.example"}
    history.records.append(with_data(replace(history.of(ASSIGNED), offset=1), owner=owner))
    return event_id(history.of(ASSIGNED))


@fault("duplicated", "contact created twice")
def a_second_creation_of_a_contact(history: History) -> str:
    return a_second_result(UPSERTED, history)


@fault("duplicated", "contact given an owner twice")
@fault("duplicated", "two results of one action for one event")
def a_second_assignment_of_one_lead(history: History) -> str:
    return a_second_result(ASSIGNED, history)


@fault("duplicated", "two results of one action for one event")
def a_second_welcome_of_one_lead(history: History) -> str:
    return a_second_result(WELCOMED, history)


@fault("duplicated", "contact given to two owners")
def two_owners_of_a_contact(history: History) -> str:
    other = with_header(replace(history.of(ASSIGNED), offset=1), "ce_id", derive("another"))
    history.records.append(
        with_data(other, strategy="existing", owner={"id": "zoe", "email": "zoe@acme.example"})
    )
    return "zoe"


@fault("duplicated", "two contacts for one e-mail")
def a_second_contact(history: History) -> str:
    history.contacts.append(replace(history.contacts[0], contact_key="other", contact_id="contact-2"))
    return "contact-2"


@fault("duplicated", "two contacts for one phone")
def a_second_contact_without_an_email(history: History) -> str:
    contact = replace(history.contacts[0], email=None, phone="+49 30 1")
    history.contacts = [contact, replace(contact, contact_key="other", contact_id="contact-2")]
    return "contact-2"


@fault("duplicated", "one effect in two results")
def a_contact_welcomed_twice(history: History) -> str:
    return an_effect_in_two_results(WELCOMED, history)


@fault("duplicated", "one effect in two results")
def an_owner_notified_twice_of_one_event(history: History) -> str:
    return an_effect_in_two_results(NOTIFIED, history)


@fault("duplicated", "one mail twice at the mail server")
def a_mail_that_went_out_twice(history: History) -> str:
    history.mails.append(history.mails[0])
    return history.mails[0].message_id


@fault("duplicated", "two mails to one contact")
def a_second_mail_to_one_contact(history: History) -> str:
    history.mails.append(replace(history.mails[0], message_id="<another@acme.example>"))
    return "<another@acme.example>"


@fault("duplicated", "one effect of a lead under two webhook-ids")
def a_second_webhook_id_for_one_lead(history: History) -> str:
    history.webhooks.append(replace(history.webhooks[0], webhook_id="msg_another"))
    return "msg_another"


@fault("duplicated", "one effect of a lead under two webhook-ids")
def a_second_call_of_an_uncertain_effect(history: History) -> str:
    """Nobody states the second call: it is known by its id alone, which follows from the effect's key."""
    history.effects.append(EffectRow("notify:another run", derive("another"), INTENT, NOW_MS * 1000))
    history.webhooks.append(Webhook(f"msg_{hook_id_of('notify:another run')}", LEAD))
    return history.webhooks[-1].webhook_id


@each(FAULTS)
async def test_duplicated_faults_are_named_with_their_ids_and_without_personal_data(
    history: History, plant: Plant, kind: Kind, what: str
) -> None:
    await assert_named(history, plant, kind, what)


async def test_a_copy_of_a_result_is_no_finding(history: History) -> None:
    history.records.append(replace(history.of(ASSIGNED), offset=1))

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()


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
