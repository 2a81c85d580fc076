"""Holds `leads verify` to judging whatever workflow it is given, and the contract of ours to what is published."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from actions.action import Effect as DeclaredEffect
from actions.action import action
from actions.ports import Effects
from streams.interfaces.common.verifying import contract_of
from streams.onboarding import ONBOARDING
from streams.operations.verify.contract import (
    EFFECT_REFERENCE,
    LETTERS,
    RECEIVED,
    REJECTED,
    Action,
    Contract,
    Effect,
    Ending,
    Event,
    derive,
)
from streams.operations.verify.evidence import Mail
from streams.workflow import Workflow, when
from tests.unit.operations.verify.history import CONTACT, EMAIL, PREFIX, History, healthy
from tests.unit.operations.verify.planting import judged, with_header
from topics import events
from topics.events import LeadAssigned, LeadReceived, LeadRejected

SURVEYED = "contacts.surveyed.v1"
ARCHIVED = "leads.archived.v1"


class ContactSurveyed(events.Event):
    """A fact of one more action."""

    type: ClassVar[str] = "crm.contact.surveyed.v1"
    topic: ClassVar[str] = SURVEYED

    contact_key: str
    contact_id: str


class LeadArchived(events.Event):
    """A fact that follows a rejection."""

    type: ClassVar[str] = "crm.lead.archived.v1"
    topic: ClassVar[str] = ARCHIVED
    key_field: ClassVar[str] = "lead_id"


@action(version=3, effect=DeclaredEffect("survey:{contact_key}", scope="contact"))
async def send_survey(assigned: LeadAssigned, *, effects: Effects) -> ContactSurveyed:
    """Ask the contact how it went. The result has no field for the reference."""
    raise NotImplementedError


@action(version=1)
async def archive_lead(rejected: LeadRejected) -> LeadArchived:
    """Keep what was rejected."""
    raise NotImplementedError


EIGHT = Workflow(
    "with-a-survey",
    *ONBOARDING.steps,
    when(LeadAssigned).do(send_survey).then(ContactSurveyed),
    when(LeadRejected).do(archive_lead).then(LeadArchived),
)
MAILED = {effect.name for effect in EIGHT.effects if effect.scope == "contact"}
"""Effects that the history has a mail of: what a contact gets once."""


@pytest.fixture
def contract() -> Contract:
    """The contract of a workflow with more actions than ours, of which one has an effect of its own."""
    return contract_of(EIGHT)


@pytest.fixture
def history(contract: Contract, tmp_path: Path) -> History:
    return healthy(tmp_path, contract)


async def test_a_healthy_history_of_another_workflow_has_no_finding(history: History) -> None:
    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()
    assert verdict.counts["fates"] == {"onboarded": 1, "letter": 1}
    assert verdict.counts["results"][SURVEYED] == 1
    assert verdict.counts["mails"] == len(MAILED)


async def test_a_lost_result_of_a_new_action_is_found_and_its_lead_is_not_onboarded(history: History) -> None:
    gone = history.of(SURVEYED)
    history.records.remove(gone)

    verdict = await judged(history)

    lost = {"what": "an action left no result and no letter", "action": "send-survey"}
    assert [each | lost for each in verdict.found("lost")] == verdict.found("lost") != []
    assert str(gone.header("ce_id")) in json.dumps(verdict.found("inconsistent"))
    assert verdict.counts["fates"] == {"lost": 1, "letter": 1}


async def test_a_new_topic_is_read_by_its_own_type_key_and_partition(history: History) -> None:
    history.swap(history.of(SURVEYED), key=b"other")

    verdict = await judged(history)

    (found,) = verdict.found("misplaced")
    assert (found["what"], found["record"]) == ("a result under another key", f"{PREFIX}{SURVEYED}/0/0")


async def test_a_new_effect_that_happened_twice_is_found(history: History) -> None:
    again = with_header(replace(history.of(SURVEYED), offset=1), "ce_id", derive("another"))
    history.records.append(with_header(again, EFFECT_REFERENCE, "<another@acme.example>"))
    history.mails.append(Mail((EMAIL,), "<another@acme.example>"))

    found = {each["what"]: each for each in (await judged(history)).found("duplicated")}

    assert found["one effect in two results"]["effect"] == "survey"
    assert found["one effect in two results"]["contact"] == CONTACT
    assert "<another@acme.example>" in found["two mails to one contact"]["message_ids"]


async def test_mails_about_contacts_that_go_to_one_mailbox_of_a_team_are_no_two_mails_to_one_contact(
    history: History,
) -> None:
    again = with_header(replace(history.of(SURVEYED), offset=1), "ce_id", derive("another"))
    history.records.append(with_header(again, EFFECT_REFERENCE, "<another@acme.example>"))
    history.mails.append(Mail((EMAIL,), "<another@acme.example>"))
    history.mails = [replace(mail, to=("team@acme.example",)) for mail in history.mails]

    found = [each["what"] for each in (await judged(history)).found("duplicated")]

    assert found == ["two results of one action for one event", "one effect in two results"]


async def test_one_mail_of_each_of_two_effects_is_no_finding(history: History) -> None:
    assert len(history.mails) == len(MAILED)
    assert {to for mail in history.mails for to in mail.to} == {EMAIL}

    assert (await judged(history)).is_clean


def test_a_run_ends_with_the_last_results_of_all_its_branches(contract: Contract) -> None:
    last = {
        (step.action.kebab, event.topic)
        for step in ONBOARDING.steps_of(LeadReceived)
        for event in step.emits
        if not ONBOARDING.reading(event) and event is not LeadRejected
    }
    assert {("send-welcome-email", "leads.welcomed.v1"), ("notify-owner", "owners.notified.v1")} <= last

    assert contract.endings == (
        Ending(frozenset({("archive-lead", ARCHIVED)}), is_rejection=True),
        Ending(frozenset({*last, ("send-survey", SURVEYED)}), is_rejection=False),
    )
    assert contract_of(ONBOARDING).endings[0] == Ending(
        frozenset({("validate-lead", REJECTED)}), is_rejection=True
    )


def test_our_workflow_keeps_the_published_contract() -> None:
    """What is published stays as it is; a new action adds to it."""
    published = (
        Action("validate-lead", 1, RECEIVED, ("leads.validated.v1", REJECTED)),
        Action("find-duplicates", 1, "leads.validated.v1", ("leads.matched.v1",)),
        Action("create-or-update-contact", 1, "leads.matched.v1", ("contacts.upserted.v1",)),
        Action("assign-owner", 1, "contacts.upserted.v1", ("leads.assigned.v1",)),
        Action(
            "send-welcome-email",
            1,
            "leads.assigned.v1",
            ("leads.welcomed.v1",),
            Effect("welcome", "contact", "message_id"),
        ),
        Action(
            "notify-owner",
            1,
            "leads.assigned.v1",
            ("owners.notified.v1",),
            Effect("notify", "run", "reference"),
        ),
    )
    types = {
        "leads.validated.v1": Event("crm.lead.validated.v1", "contact_key"),
        REJECTED: Event("crm.lead.rejected.v1", "lead_id"),
        "leads.matched.v1": Event("crm.lead.matched.v1", "contact_key"),
        "contacts.upserted.v1": Event("crm.contact.upserted.v1", "contact_key"),
        "leads.assigned.v1": Event("crm.lead.assigned.v1", "contact_key"),
        "leads.welcomed.v1": Event("crm.lead.welcomed.v1", "contact_key"),
        "owners.notified.v1": Event("crm.owner.notified.v1", "contact_key"),
    }

    contract = contract_of(ONBOARDING)

    assert contract.workflow == "new-lead-onboarding"
    assert [each for each in published if each not in contract.actions] == []
    assert types.items() <= contract.events.items()
    assert {RECEIVED, *types, "actions.requests.v1", LETTERS} <= set(contract.topics)
