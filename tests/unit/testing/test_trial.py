"""Where a worker dies in a trial."""

from __future__ import annotations

from actions.send_welcome_email import send_welcome_email
from streams.testing import check_atomic
from streams.testing.clock import run
from streams.testing.life import Life
from streams.testing.trial import Trial
from tests.unit.actions.examples import assigned


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
