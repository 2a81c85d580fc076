"""A workflow is checked when it is created."""

from __future__ import annotations

import pytest

from actions.action import Effect, action
from actions.assign_owner import assign_owner
from actions.ports import Effects
from actions.send_welcome_email import send_welcome_email
from actions.validate_lead import validate_lead
from streams.onboarding import ONBOARDING
from streams.workflow import Workflow, WorkflowError, when
from topics.events import (
    ContactUpserted,
    LeadAssigned,
    LeadReceived,
    LeadRejected,
    LeadValidated,
    LeadWelcomed,
)

VALIDATE = when(LeadReceived).do(validate_lead).then(LeadValidated, LeadRejected)


@action(version=1, effect=Effect("welcome:{contact_key}", scope="contact"))
async def greet(assigned: LeadAssigned, *, effects: Effects) -> LeadWelcomed:
    raise NotImplementedError


def test_a_step_that_contradicts_its_action_is_refused() -> None:
    with pytest.raises(WorkflowError, match="the action reads LeadReceived"):
        when(LeadValidated).do(validate_lead).then(LeadValidated)
    with pytest.raises(WorkflowError, match="the action states LeadValidated, LeadRejected"):
        when(LeadReceived).do(validate_lead).then(LeadValidated)


def test_a_graph_that_cannot_work_is_refused_with_the_step() -> None:
    with pytest.raises(WorkflowError, match="action validate_lead stands in two steps"):
        Workflow("w", VALIDATE, VALIDATE)
    with pytest.raises(WorkflowError, match="assign_owner reads ContactUpserted, which no step states"):
        Workflow("w", VALIDATE, when(ContactUpserted).do(assign_owner).then(LeadAssigned))
    with pytest.raises(WorkflowError, match="send_welcome_email and greet both have the effect 'welcome'"):
        Workflow("w", *ONBOARDING.steps, when(LeadAssigned).do(greet).then(LeadWelcomed))


def test_steps_are_found_by_either_name_and_by_their_event() -> None:
    assert ONBOARDING.step("send-welcome-email") is ONBOARDING.step("send_welcome_email")
    assert [step.name for step in ONBOARDING.reading(LeadAssigned)] == ["send_welcome_email", "notify_owner"]
    with pytest.raises(KeyError, match="has no action 'send-sms'; it has validate-lead, find-duplicates"):
        ONBOARDING.step("send-sms")


def test_another_rule_for_an_effect_leaves_the_workflow_as_it_was() -> None:
    changed = ONBOARDING.with_effect("welcome", when_uncertain="repeat")

    assert [effect.when_uncertain for effect in changed.effects if effect.name == "welcome"] == ["repeat"]
    assert [effect.when_uncertain for effect in ONBOARDING.effects if effect.name == "welcome"] == ["ask"]
    with pytest.raises(KeyError, match="sms"):
        ONBOARDING.with_effect("sms", concurrency=1)


def test_the_diagram_has_every_step_and_every_event() -> None:
    drawn = ONBOARDING.mermaid()

    assert drawn.splitlines()[0] == "flowchart LR"
    for step in ONBOARDING.steps:
        assert f"--> {step.name}[{step.action.kebab}]" in drawn
        assert all(f"{step.name} --> {event.__name__}([{event.__name__}])" in drawn for event in step.emits)
    assert send_welcome_email.__name__ in drawn
