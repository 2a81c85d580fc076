"""Runs `operations.verify` over an installation: passes it the workflow's contract, topics and database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streams.interfaces.common import connections
from streams.kafka.reader import RangeReader
from streams.onboarding import ONBOARDING
from streams.operations.verify import verifying
from streams.operations.verify.contract import Action, Contract, Effect, Event
from streams.operations.verify.logs import KafkaLogs
from streams.operations.verify.snapshot import Ages
from streams.operations.verify.tables import Tables
from streams.operations.verify.verifying import OnProgress, Question

if TYPE_CHECKING:
    from actions.action import ActionSpec
    from streams.kafka.address import KafkaAddress
    from streams.operations.verify.judge import Verdict
    from streams.settings import Settings
    from streams.workflow import Workflow


def contract_of(workflow: Workflow) -> Contract:
    """Return the workflow as the plain values by which verify judges."""
    return Contract(
        workflow=workflow.name,
        actions=tuple(
            Action(
                name=step.action.kebab,
                version=step.action.version,
                reads=step.reads.topic,
                emits=tuple(event.topic for event in step.emits),
                effect=_effect_of(step.action),
            )
            for step in workflow.steps
        ),
        events={
            event.topic: Event(event.type, event.key_field) for step in workflow.steps for event in step.emits
        },
    )


def _effect_of(action: ActionSpec) -> Effect | None:
    effect = action.effect
    return None if effect is None else Effect(effect.name, effect.scope, effect.reference_field)


def question_of(
    settings: Settings,
    *,
    limit: int = 20,
    ages: Ages | None = None,
    mails: Path | None = None,
    webhooks: Path | None = None,
) -> Question:
    """Return the question that verify answers about an installation of the onboarding workflow."""
    contract = contract_of(ONBOARDING)
    return Question(contract, settings.prefix, settings.group, limit, ages or Ages(), mails, webhooks)


async def verify(
    settings: Settings, address: KafkaAddress, question: Question, on_progress: OnProgress
) -> Verdict:
    """Read the installation's topics and database and judge them. Raise as `operations.verify` does."""
    async with connections.admin(address) as admin, RangeReader(address) as reader:
        logs = KafkaLogs(reader, admin, question.contract, question.prefix, question.group)
        return await verifying.verify(question, logs, Tables(settings.database_url), on_progress)
