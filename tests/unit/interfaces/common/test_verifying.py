"""The workflow is passed to verify as plain values."""

from __future__ import annotations

from pathlib import Path

from streams.interfaces.common.verifying import contract_of, question_of
from streams.onboarding import ONBOARDING
from streams.operations.verify.contract import Effect
from streams.settings import Settings
from streams.workflow import Workflow


def test_the_contract_holds_what_each_action_reads_emits_and_calls() -> None:
    contract = contract_of(ONBOARDING)

    by_name = {action.name: action for action in contract.actions}
    assert [action.name for action in contract.actions] == [step.action.kebab for step in ONBOARDING.steps]
    mail = by_name["send-welcome-email"]
    assert (mail.reads, mail.effect) == ("leads.assigned.v1", Effect("welcome", "contact", "message_id"))
    assert by_name["assign-owner"].effect is None
    assert {topic for action in contract.actions for topic in action.emits} == contract.events.keys()


def test_the_contract_of_a_shorter_workflow_holds_only_its_own_steps() -> None:
    shorter = contract_of(Workflow(ONBOARDING.name, *ONBOARDING.steps[:1]))

    assert [action.name for action in shorter.actions] == ["validate-lead"]
    assert shorter.events.keys() == {event.topic for event in ONBOARDING.steps[0].emits}


def test_a_question_is_about_the_group_and_topics_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(prefix="eu.", group="eu", data=tmp_path)

    question = question_of(settings, limit=3, mails=tmp_path / "mails.jsonl")

    assert (question.prefix, question.group, question.limit) == ("eu.", "eu", 3)
    assert (question.mails, question.webhooks) == (tmp_path / "mails.jsonl", None)
    assert question.contract == contract_of(ONBOARDING)
