"""Where a worker dies in a trial, and what a fresh one does after it."""

from __future__ import annotations

from actions.create_or_update_contact import create_or_update_contact
from actions.ports import StoredContact
from actions.send_welcome_email import send_welcome_email
from streams.testing import check_atomic
from streams.testing.clock import run
from streams.testing.life import Life
from streams.testing.trial import Trial
from tests.unit.actions.examples import assigned, matched


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


def test_a_worker_that_dies_while_it_calls_for_two_contacts_ends() -> None:
    other = assigned(lead_id="lead-2").model_copy(update={"contact_key": "key of ben"})

    assert check_atomic(send_welcome_email, [assigned(), other]) > 7


def test_without_a_death_the_fresh_worker_adds_nothing() -> None:
    ended = run(Trial(create_or_update_contact, [matched()]).run(Life()))

    assert (ended.at_start.store["contacts"], ended.at_start.remembered) == ([], 0)
    assert len(ended.at_crash.store["contacts"]) == ended.at_crash.remembered == 1
    assert ended.at_end == ended.at_crash


def test_a_death_before_the_commit_leaves_the_work_to_the_fresh_worker() -> None:
    whole = run(Trial(create_or_update_contact, [matched()]).run(Life()))
    commit = next(
        number for number, point in enumerate(whole.points, 1) if point.startswith("before the commit")
    )

    ended = run(Trial(create_or_update_contact, [matched()]).run(Life(ends_at=commit)))

    assert ended.at_crash.store == ended.at_start.store
    assert (ended.at_end.store, ended.at_end.results) == (whole.at_end.store, whole.at_end.results)


def test_contacts_are_in_the_store_before_the_action_runs() -> None:
    known = StoredContact(matched().contact_key, "contact-1")

    ended = run(Trial(create_or_update_contact, [matched()], given=[known]).run(Life()))

    assert len(ended.at_start.store["contacts"]) == len(ended.at_end.store["contacts"]) == 1
    assert ended.at_start.store != ended.at_end.store


def test_a_call_may_be_repeated_when_the_test_asks_for_it_or_the_effect_declares_it() -> None:
    assert not Trial(send_welcome_email, [assigned()]).may_repeat
    assert Trial(send_welcome_email, [assigned()], repeats=True).may_repeat
