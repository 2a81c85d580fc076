"""`leads dead-letters replay`, `apply` and `jobs`: letters are replayed at once, or by a job."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streams.dead_letters.job_limits import JobOptions
from streams.interfaces.cli.letter_jobs import free_letters, read_job_options
from streams.interfaces.common.errors import WrongUseError
from streams.store import letter_changes, letters
from streams.store.migrate import open_database
from streams.testing import event_headers, lead
from tests.support.in_process import Leads
from tests.support.letters import row
from topics.events import LeadReceived


def fail_a_mail(leads: Leads) -> str:
    """Let the welcome mail of a lead fail; the mail server is back afterwards."""
    cluster = leads.cluster
    leads.world.go_down()
    cluster.log.append(cluster.names.of(LeadReceived), None, lead(), event_headers("e-1"))
    asyncio.run(cluster.settle())
    leads.world.come_back()
    (row,) = cluster.database.transact(lambda connection: letters.find(connection, statuses=("scheduled",)))
    return row.letter.id


def test_a_replay_asks_for_the_action_that_failed_and_a_worker_does_it(leads: Leads) -> None:
    letter_id = fail_a_mail(leads)

    asked = leads.run("dead-letters", "replay", letter_id[:8], "--no-wait", "--reason", "fixed", "--json")
    asyncio.run(leads.cluster.settle())
    again = leads.run("dead-letters", "replay", letter_id, "--no-wait", "--json")

    assert (asked.code, asked.json["id"], asked.json["outcome"]) == (1, letter_id, "pending")
    assert leads.letter(letter_id).status == "resolved"
    assert len(leads.world.mails) == 1
    assert [(each["act"], each["about"], each["reason"]) for each in leads.audit][:1] == [
        ("replay", letter_id, "fixed")
    ]
    assert (again.code, again.json["outcome"]) == (0, "noop")


def test_a_replay_of_nothing_succeeds(leads: Leads) -> None:
    nothing = leads.run("dead-letters", "replay", "--all", "--json")

    assert (nothing.code, nothing.out) == (0, "")
    assert "nothing to do" in nothing.err


def test_a_job_that_does_not_exist_cannot_be_paused(leads: Leads) -> None:
    listed = leads.run("dead-letters", "jobs", "list", "--json")
    paused = leads.run("dead-letters", "jobs", "pause", "abcd1234", "--reason", "x")

    assert (listed.code, listed.out) == (0, "")
    assert (paused.code, paused.out) == (1, "")
    assert "abcd1234" in paused.err


def test_a_replay_skips_letters_of_a_job_and_uncertain_ones_that_are_not_named(
    sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_database(sqlite_url)
    rows = [row(1), row(2), row(3, failure_class="uncertain")]
    free, held, uncertain = (each.letter.id for each in rows)
    store.transact(lambda connection: letters.index(connection, rows, 0))
    store.transact(lambda connection: letter_changes.claim(connection, [held], "job-1"))

    selected = free_letters(store, [free, held, uncertain], is_named=False)
    named = free_letters(store, [free, held, uncertain], is_named=True)

    store.close()
    assert (selected, named) == ([free], [free, uncertain])
    printed = capsys.readouterr().err
    assert "1 letter left out: a replay job has claimed them" in printed
    assert "1 letter left out: a worker was cut off while calling" in printed


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"rate": 0.0}, "--rate 0 is not a number of letters a second up to 1,000,000; write 100"),
        ({"rate": float("nan")}, "--rate nan is not a number of letters a second"),
        ({"canary": "1,,2"}, "--canary '1,,2' is not a list of sizes; write 1,10,100, or none"),
        ({"canary": "0"}, "--canary '0' is not a list of sizes"),
        ({"stop_if_fail": "101%"}, "--stop-if-fail '101%' is not a percentage; write 5%"),
        ({"stop_if_fail": "nan"}, "--stop-if-fail 'nan' is not a percentage"),
        ({"yield_to_lag": "-1"}, "--yield-to-lag '-1' is not a number of records; write 1000, or none"),
    ],
)
def test_an_option_of_a_job_that_cannot_be_used_is_named_with_the_next_step(
    typed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(WrongUseError) as refused:
        read_job_options(typed)

    assert str(refused.value).startswith(sentence)


def test_none_turns_the_canary_and_yielding_off_and_a_percentage_may_have_its_sign() -> None:
    options = read_job_options({"canary": "none", "yield_to_lag": "none", "stop_if_fail": "2.5%"})

    assert options == JobOptions(canary=(), yield_to_lag=None, stop_if_fail=2.5)
