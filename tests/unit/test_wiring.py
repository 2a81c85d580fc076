"""leads.toml overrides what actions declare, by the name of the effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actions.action import Effect, action
from actions.ports import Effects, Mailer, Notifier
from streams.adapters.notify import notifier_from
from streams.adapters.smtp import SmtpMailer, SmtpSettings
from streams.onboarding import ONBOARDING
from streams.settings import Config, EffectTable, OwnerEntry
from streams.wiring import configured
from streams.workflow import Ports, Workflow, WorkflowError, when
from topics.events import LeadAssigned, LeadWelcomed, OwnerNotified

OWNERS = (OwnerEntry(id="ada", name="Ada", email="ada@example.com"),)


def config(**tables: object) -> Config:
    return Config.model_validate({"owners": [each.model_dump() for each in OWNERS], **tables})


def test_without_a_table_the_declaration_counts() -> None:
    assert configured(ONBOARDING, config()).effects == ONBOARDING.effects


def test_a_key_of_an_effects_table_wins_over_its_declaration() -> None:
    tables: dict[str, dict[str, object]] = {
        "welcome": {"when_uncertain": "repeat"},
        "notify": {"connections": 3},
    }

    found = configured(ONBOARDING, config(**tables)).effects

    wins: dict[str, dict[str, Any]] = {"welcome": {"when_uncertain": "repeat"}, "notify": {"concurrency": 3}}
    assert found == tuple(replace(each, **wins.get(each.name, {})) for each in ONBOARDING.effects)
    assert found != ONBOARDING.effects


@pytest.mark.parametrize("effect", ONBOARDING.effects, ids=[each.name for each in ONBOARDING.effects])
def test_leads_toml_names_the_same_defaults_as_the_declaration(effect: Effect) -> None:
    table = getattr(config(), effect.name, None)
    if table is None:
        return  # an effect without a table: its declaration alone counts

    assert isinstance(table, EffectTable)
    assert (table.connections, table.when_uncertain) == (effect.concurrency, effect.when_uncertain)


@action(version=1, effect=Effect("retry:{run}", scope="run", concurrency=2))
async def named_as_another_table(assigned: LeadAssigned, *, effects: Effects) -> OwnerNotified:
    raise NotImplementedError


def test_a_table_that_is_no_effects_has_no_say_in_an_effect_of_its_name() -> None:
    step = when(LeadAssigned).do(named_as_another_table).then(OwnerNotified)
    workflow = Workflow(ONBOARDING.name, *ONBOARDING.steps, step)

    found = configured(workflow, config(retry={"delays": ["30s"]}))

    assert found.effects[-1] == Effect("retry:{run}", scope="run", concurrency=2)


@action(version=1, effect=Effect("welcome:{contact_key}", scope="contact"))
async def welcomes_too(assigned: LeadAssigned, *, effects: Effects) -> LeadWelcomed:
    raise NotImplementedError


def test_two_actions_cannot_have_one_effect() -> None:
    step = when(LeadAssigned).do(welcomes_too).then(LeadWelcomed)

    with pytest.raises(WorkflowError, match="both have the effect 'welcome'"):
        Workflow(ONBOARDING.name, *ONBOARDING.steps, step)


def test_a_rule_for_an_effect_that_there_is_not_is_refused() -> None:
    with pytest.raises(KeyError, match="farewell"):
        ONBOARDING.with_effect("farewell", concurrency=1)


@pytest.mark.parametrize(
    ("notify", "may_repeat"), [("https://hooks.example/x", True), ("mailto:", False), (None, False)]
)
def test_a_notice_is_repeated_where_the_receiver_drops_the_copy(
    notify: str | None, *, may_repeat: bool
) -> None:
    mailer = SmtpMailer(SmtpSettings("localhost", 25), sender="hello@acme.example")
    ports = Ports({Mailer: mailer, Notifier: notifier_from(notify, mailer=mailer)})
    actions = {step.action.effect.name: step.action for step in ONBOARDING.steps if step.action.effect}

    found = {name: ports.may_repeat(actions[name]) for name in ("notify", "welcome")}
    assert found == {"notify": may_repeat, "welcome": False}


def test_a_call_through_two_servers_is_repeated_only_where_both_drop_the_copy() -> None:
    @action(version=1, effect=Effect("both:{run}", scope="run"))
    async def both(
        assigned: LeadAssigned, *, mailer: Mailer, notifier: Notifier, effects: Effects
    ) -> OwnerNotified:
        raise NotImplementedError

    class Drops:
        drops_copies = True

    class Keeps:
        drops_copies = False

    spec = when(LeadAssigned).do(both).then(OwnerNotified).action

    assert Ports({Mailer: Drops(), Notifier: Drops()}).may_repeat(spec)
    assert not Ports({Mailer: Keeps(), Notifier: Drops()}).may_repeat(spec)
    assert not Ports({Mailer: object(), Notifier: object()}).may_repeat(spec)
