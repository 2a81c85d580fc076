"""Stops the mail server, and stops a busy worker."""

from __future__ import annotations

import os
from random import Random

import pytest

from tests.acceptance.making import as_event, mixture, person
from tests.acceptance.stage import Stage
from tests.acceptance.waiting import eventually
from tests.support.outside_client import WELCOMED

IS_FULL = os.environ.get("LEADS_CHAOS") == "full"
PEOPLE = 60
QUICK_RETRY = '[retry]\ndelays = ["2s", "2s", "2s", "2s", "2s", "2s", "2s", "2s", "2s", "2s"]\n'
RETRIES_WITHIN_S = 75.0 if IS_FULL else 25.0
"""LEADS_CHAOS=full waits for the default delays: 30 s, +-20 %."""
STOPS_WITHIN_S = 10.0

SCHEDULED = "SELECT count(*) FROM letters WHERE status = 'scheduled' AND action = 'send-welcome-email'"


@pytest.mark.long_on("postgresql")
@pytest.mark.timeout(180)
def test_a_mail_server_that_is_down_delays_welcomes_only_and_each_goes_out_once_when_it_is_back(
    any_stage: Stage,
) -> None:
    stage = any_stage
    stage.open("" if IS_FULL else QUICK_RETRY)
    stage.mails.stop()
    stage.start_worker()

    stage.publish(as_event(number, person(number)) for number in range(PEOPLE))
    eventually(lambda: stage.count(SCHEDULED), lambda scheduled: scheduled == PEOPLE, within=40)
    while_down = {
        "contacts with an owner": stage.count("SELECT count(*) FROM contacts WHERE owner_id IS NOT NULL"),
        "owners notified": len(stage.webhooks.lines()),
        "welcomes": len(stage.records(WELCOMED)),
        "letters": [tuple(row) for row in stage.sql("SELECT DISTINCT code, failure_class FROM letters")],
    }
    stage.mails.start()
    eventually(lambda: len(stage.mails.lines()), lambda mails: mails >= PEOPLE, within=RETRIES_WITHIN_S)
    stage.settle(within=20)

    assert while_down == {
        "contacts with an owner": PEOPLE,
        "owners notified": PEOPLE,
        "welcomes": 0,
        "letters": [("SMTP_UNREACHABLE", "transient")],
    }
    recipients = sorted(str(to) for line in stage.mails.lines() for to in line["to"])  # type: ignore[attr-defined]
    assert recipients == sorted(str(person(number)["email"]) for number in range(PEOPLE))
    assert stage.count("SELECT count(*) FROM letters WHERE status = 'resolved'") == PEOPLE
    verdict = stage.check()
    assert verdict["is_clean"], verdict
    assert verdict["counts"]["fates"] == {"onboarded": PEOPLE}
    assert (verdict["uncertain"], verdict["repeated_webhooks"]) == ([], [])


@pytest.mark.long_on("postgresql")
@pytest.mark.timeout(120)
def test_a_busy_worker_that_is_asked_to_stop_exits_in_time_and_its_successor_finds_everything_in_order(
    any_stage: Stage,
) -> None:
    stage = any_stage
    made = mixture(1_000, Random(7))
    stage.open()
    stage.publish(made.records)
    worker = stage.start_worker()
    eventually(lambda: len(stage.mails.lines()), lambda mails: mails > 0, within=40, every=0.02)

    code, seconds = worker.terminate(within=15)
    left = stage.lag()
    stage.start_worker()
    stage.settle(within=60)

    assert code == 0, worker.tail()
    assert seconds < STOPS_WITHIN_S
    assert left, "it was not busy"
    verdict = stage.check()
    assert verdict["is_clean"], verdict
    counts = verdict["counts"]
    # An orderly stop leaves nothing in doubt and repeats no call.
    assert (verdict["uncertain"], verdict["repeated_webhooks"]) == ([], [])
    assert counts["fates"]["letter"] == made.poison
    assert counts["mails"] == len(made.emails)
    assert counts["contacts"] == len(made.emails) + len(made.phones)
