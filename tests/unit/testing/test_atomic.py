"""The atomicity checker catches actions that are not atomic; those we ship are checked in their own tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from actions.validate_lead import validate_lead
from streams.onboarding import ONBOARDING
from streams.testing import check_atomic
from streams.workflow import Workflow, when
from tests.unit.actions.examples import assigned, matched, validated
from tests.unit.testing import sabotaged
from topics.events import Event, LeadAssigned, LeadWelcomed

ACTIONS = Path(__file__).parents[1] / "actions"


def not_checked(workflow: Workflow) -> list[str]:
    """Return the actions of which no `tests/unit/actions/test_<action>.py` demands that they are atomic."""
    return [
        step.name
        for step in workflow.steps
        if not (place := ACTIONS / f"test_{step.name}.py").exists()
        or f"check_atomic({step.name}," not in place.read_text(encoding="utf-8")
    ]


def test_every_action_of_the_workflow_is_checked_beside_its_other_tests() -> None:
    assert not_checked(ONBOARDING) == []


def test_an_action_that_nobody_checks_is_named() -> None:
    step = when(LeadAssigned).do(sabotaged.sends_beside_once).then(LeadWelcomed)

    workflow = Workflow(
        "with one more", *ONBOARDING.with_effect("welcome", key="hello:{contact_key}").steps, step
    )

    assert not_checked(workflow) == ["sends_beside_once"]


@pytest.mark.parametrize(
    ("action", "examples", "found"),
    [
        (
            sabotaged.sends_without_once,
            [assigned()],
            ("after mailer.send", "a second effect", "done 2 times"),
        ),
        (sabotaged.sends_in_the_background, [assigned()], ("a second effect", "mailer.send")),
        (
            sabotaged.names_its_call_otherwise_each_time,
            [assigned()],
            ("notifier.notify", "the same call with the same key"),
        ),
        (
            sabotaged.hides_what_is_uncertain,
            [assigned()],
            ("left half done", "mailer.send", "no letter tells"),
        ),
        (sabotaged.remembers_in_a_global, [assigned()], ("state in memory", "sabotaged._seen")),
        (sabotaged.counts_in_a_global, [matched()], ("state in memory", "sabotaged._numbers")),
        (sabotaged.remembers_in_a_default, [matched()], ("state in memory", "_noted: default 1")),
        (
            sabotaged.writes_to_its_own_database,
            [matched()],
            ("past its ports", "sqlite3.Connection.execute at testing/sabotaged.py", "REFUSED: half done"),
        ),
        (sabotaged.writes_to_an_open_database, [matched()], ("past its ports", "sqlite3.Connection.execute")),
        (sabotaged.writes_to_a_file, [matched()], ("past its ports", "io.TextIOWrapper.write")),
        (sabotaged.states_something_else_each_time, [matched()], ("states something else", "second time")),
        (sabotaged.is_broken, [validated()], ("fails on every example", "KeyError", "is_broken")),
    ],
)
def test_an_action_that_is_not_atomic_is_caught_and_explained(
    action: Callable[..., object], examples: list[Event], found: tuple[str, ...]
) -> None:
    with pytest.raises(AssertionError) as caught:
        check_atomic(action, examples)

    text = str(caught.value)
    assert text.startswith(f"{action.__name__} ")
    assert [part for part in found if part not in text] == [], text


def test_a_call_beside_once_is_caught_where_what_was_cut_off_is_repeated() -> None:
    check_atomic(
        sabotaged.sends_beside_once, [assigned()]
    )  # else a person is asked, and it is not done twice

    with pytest.raises(AssertionError, match=r"mailer\.send.* was done 2 times"):
        check_atomic(sabotaged.sends_beside_once, [assigned()], repeats=True)


def crm() -> dict[type, object]:
    return {sabotaged.Crm: sabotaged.FakeCrm()}


def test_what_a_death_between_two_calls_leaves_half_done_is_reported() -> None:
    action = sabotaged.does_the_rest_only_for_new_ones

    with pytest.raises(AssertionError) as caught:
        check_atomic(action, [matched()], ports=crm, only_ask=["crm.has"])

    text = str(caught.value)
    assert "The worker died after crm.create;" in text
    assert "left half done" in text
    assert "crm.tag('key of anna@example.com', 'new') was done 0 times and not 1" in text


def test_calls_that_only_ask_may_be_repeated() -> None:
    with pytest.raises(AssertionError, match=r"crm\.has"):
        check_atomic(sabotaged.asks_and_changes_nothing, [matched()], ports=crm)

    assert check_atomic(sabotaged.asks_and_changes_nothing, [matched()], ports=crm, only_ask=["crm.has"]) > 0


def test_a_check_without_examples_is_no_check() -> None:
    with pytest.raises(AssertionError, match="at least one example"):
        check_atomic(validate_lead, [])
