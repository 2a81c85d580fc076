"""This file shows that the atomicity checker passes the shipped actions and catches those that are not atomic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actions.assign_owner import assign_owner
from actions.create_or_update_contact import create_or_update_contact
from actions.find_duplicates import find_duplicates
from actions.notify_owner import notify_owner
from actions.ports import StoredContact
from actions.send_welcome_email import send_welcome_email
from actions.validate_lead import validate_lead
from streams.onboarding import ONBOARDING
from streams.testing import check_atomic
from streams.testing.clock import run
from streams.testing.life import Life
from streams.testing.trial import Trial
from tests.unit.actions.examples import ANNA, ANNA_KEY, assigned, matched, upserted, validated
from tests.unit.testing import sabotaged
from topics.events import Event, Lead, LeadReceived

KNOWN = [StoredContact(ANNA_KEY, "id of anna", {}, None, 1)]
SHIPPED: list[tuple[Callable[..., object], list[Event], dict[str, Any]]] = [
    (
        validate_lead,
        [
            LeadReceived(email="anna@example.com", phone="0170 1234567", country="Germany"),
            LeadReceived(email="no address"),
        ],
        {},
    ),
    (
        find_duplicates,
        [validated(), validated(Lead(email="ben@example.com"), "key of ben")],
        {"given": KNOWN},
    ),
    (create_or_update_contact, [matched(), matched(ANNA.model_copy(update={"city": "Ulm"}))], {}),
    (assign_owner, [upserted(), upserted(), upserted("key of nobody")], {"given": KNOWN}),
    (send_welcome_email, [assigned(), assigned(lead_id="lead-2")], {}),
    (send_welcome_email, [assigned(), assigned(lead_id="lead-2")], {"repeats": True}),
    (notify_owner, [assigned(), assigned(lead_id="lead-2")], {}),
    (notify_owner, [assigned(), assigned(lead_id="lead-2")], {"repeats": True}),
]


@pytest.mark.parametrize(("action", "examples", "options"), SHIPPED)
def test_every_shipped_action_is_atomic(
    action: Callable[..., object], examples: list[Event], options: dict[str, Any]
) -> None:
    assert check_atomic(action, examples, **options) >= 7


def test_no_shipped_action_is_left_out() -> None:
    assert {step.action.function for step in ONBOARDING.steps} == {action for action, _, _ in SHIPPED}


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
def test_an_action_that_is_not_atomic_is_caught_and_told_why(
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


def test_what_a_death_between_two_calls_leaves_half_done_is_told() -> None:
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


def test_the_worker_dies_around_every_port_call_every_commit_and_every_publish() -> None:
    ended = run(Trial(send_welcome_email, [assigned()]).run(Life()))

    assert ended.points == [
        "before template.render",
        "after template.render",
        "before the commit of effects",
        "after the commit of effects",
        "before mailer.send",
        "after mailer.send",
        "before the commit of ledger and effects",
        "after the commit of ledger and effects",
        "before the publish",
        "after the publish",
    ]


def test_a_check_without_examples_is_no_check() -> None:
    with pytest.raises(AssertionError, match="at least one example"):
        check_atomic(validate_lead, [])
