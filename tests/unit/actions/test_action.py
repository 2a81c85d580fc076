"""What `@action` reads from a signature and a declaration, and what it refuses with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from actions.action import Effect, SignatureError, action, spec_of
from actions.ports import Effects
from tests.unit.actions.examples import ANNA_KEY, ENVELOPE, assigned, envelope
from topics.envelope import Envelope
from topics.events import LeadAssigned, LeadReceived, LeadRejected, LeadValidated, LeadWelcomed

WELCOME = Effect("welcome:{contact_key}", scope="contact", reference_field="message_id")


class Clock(Protocol):
    """Some port."""


async def calls(assigned: LeadAssigned, *, envelope: Envelope, effects: Effects) -> LeadWelcomed:
    raise NotImplementedError


async def decides(lead: LeadReceived, *, clock: Clock) -> LeadValidated | LeadRejected:
    raise NotImplementedError


def test_a_signature_is_read_and_the_function_stays_what_it_was() -> None:
    marked = action(version=3)(decides)

    spec = spec_of(marked)
    assert marked is decides
    assert (spec.name, spec.kebab, spec.version, spec.effect) == ("decides", "decides", 3, None)
    assert (spec.reads, spec.emits) == (LeadReceived, (LeadValidated, LeadRejected))
    assert (spec.ports, spec.envelope_parameter) == ({"clock": Clock}, None)


def test_a_declared_effect_names_the_call_of_an_event() -> None:
    spec = spec_of(action(version=1, effect=WELCOME)(calls))

    assert spec.effect is WELCOME
    assert (WELCOME.name, WELCOME.fields) == ("welcome", ("contact_key",))
    assert WELCOME.key_of(assigned(), ENVELOPE) == f"welcome:{ANNA_KEY}"
    assert (spec.envelope_parameter, spec.ports) == ("envelope", {"effects": Effects})


def test_a_key_of_a_run_is_the_same_for_its_events_and_for_who_knows_the_run_alone() -> None:
    effect = Effect("notify:{run}", scope="run")

    assert effect.key_of(assigned(), envelope(correlation_id="run-7")) == "notify:run-7"
    assert effect.key_of_run("run-7") == "notify:run-7"


def test_a_key_can_be_an_attribute_whatever_the_field_holds() -> None:
    event = assigned().model_copy(update={"contact_key": "a\nb"})

    assert WELCOME.key_of(event, ENVELOPE) == "welcome:a b"


def no_event(lead: str) -> None: ...


async def positional(assigned: LeadAssigned, clock: Clock) -> LeadWelcomed:
    raise NotImplementedError


async def states_nothing(assigned: LeadAssigned) -> None: ...


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (no_event, "action no_event must be declared with `async def`"),
        (positional, "action positional: 'clock' must be keyword-only and typed with a port"),
        (states_nothing, "action states_nothing must return an event class"),
    ],
)
def test_a_signature_that_is_none_of_an_action_is_refused(
    function: Callable[..., object], problem: str
) -> None:
    with pytest.raises(SignatureError) as refused:
        action(version=1)(function)  # type: ignore[type-var]

    assert str(refused.value).startswith(problem)


def test_a_function_without_the_mark_is_no_action() -> None:
    with pytest.raises(SignatureError, match=r"positional is not an action; mark it with @action"):
        spec_of(positional)


def test_effects_and_their_declaration_need_each_other() -> None:
    with pytest.raises(SignatureError, match="action calls asks for Effects: declare its call"):
        action(version=1)(calls)
    with pytest.raises(
        SignatureError, match=r"action decides, effect .* does not ask for `effects: Effects`"
    ):
        action(version=1, effect=Effect("decides:{run}", scope="run"))(decides)


@pytest.mark.parametrize(
    ("effect", "problem"),
    [
        (Effect("welcome:{mail}", scope="contact"), "{mail} is not a required text of LeadAssigned"),
        (Effect("welcome:{source}", scope="contact"), "{source} is not a required text of LeadAssigned"),
        (Effect("welcome:{contact_key!r}", scope="contact"), "neither conversion nor format"),
        (Effect("welcome:{contact_key", scope="contact"), "the key is not a template: "),
        (Effect("{contact_key}", scope="contact"), "must begin with the effect's name and a colon"),
        (Effect("", scope="contact"), "must begin with the effect's name and a colon"),
        (Effect("welcome:{lead_id}", scope="contact"), "must have {contact_key}, and not {run}"),
        (Effect("welcome:{contact_key}:{run}", scope="contact"), "must have {contact_key}, and not {run}"),
        (Effect("welcome:{contact_key}", scope="run"), "the key of a run must be welcome:{run}"),
        (
            Effect("welcome:{run}", scope="run", reference_field="mail_id"),
            "reference_field 'mail_id' is not a field of what the action states",
        ),
    ],
)
def test_an_effect_that_does_not_fit_its_action_is_refused_when_it_is_declared(
    effect: Effect, problem: str
) -> None:
    with pytest.raises(SignatureError) as refused:
        action(version=1, effect=effect)(calls)

    assert str(refused.value).startswith(f"action calls, effect {effect.key!r}: ")
    assert problem in str(refused.value)


def test_a_reference_that_could_not_prove_its_key_is_refused() -> None:
    effect = Effect("welcome:{contact_key}:{reason}", scope="contact", reference_field="message_id")
    action(version=1, effect=effect)(calls)  # LeadWelcomed has a reason, too

    async def forgets(assigned: LeadAssigned, *, effects: Effects) -> LeadRejected:
        raise NotImplementedError

    with pytest.raises(SignatureError, match="needs contact_key, too"):
        action(version=1, effect=Effect("x:{contact_key}", scope="contact", reference_field="reasons"))(
            forgets
        )
