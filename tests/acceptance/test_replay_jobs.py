"""Replay beside live load with jobs that are killed, late events, and builds with a defect."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.acceptance.commanding import killed, leads, rows
from tests.acceptance.eight_causes import CALM, break_action, changed, fail, with_header
from tests.acceptance.making import as_event, person
from tests.acceptance.stage import Published, Stage
from tests.acceptance.waiting import eventually
from tests.chaos.load import Load
from tests.sabotage.running import copy_to
from tests.support.outside_client import ASSIGNED, RECEIVED, WELCOMED

REQUESTS = "actions.requests.v1"
DAY_S = 86_400
CALLS = 1000 if os.environ.get("LEADS_CHAOS") else 30
"""Mails and notices to replay; LEADS_CHAOS=full takes a thousand."""


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_replaying_all_three_times_beside_live_load_with_kills_does_everything_once(
    chosen_stage: Stage, tmp_path: Path
) -> None:
    stage, file = chosen_stage, str(tmp_path / "calls.plan")
    fail(stage, CALLS // 2)
    chosen = ("--action", "send-welcome-email", "--action", "notify-owner")
    leads(stage, "dead-letters", "plan", *chosen, "--out", file)
    ids = [json.loads(line)["id"] for line in Path(file).read_bytes().splitlines()[1:-1]]
    live = [as_event(number, person(number)) for number in range(50_000, 50_000 + 1500)]
    load = Load(stage, live, per_second=30)
    load.start()

    slow = ("--rate", str(len(ids) / 8), "--canary", "none", "--yield-to-lag", "none", "--reason", "back")
    killed(stage, "dead-letters", "apply", file, *slow, once=lambda: replayed(stage) > 0)
    (job,) = leads(stage, "dead-letters", "jobs", "list")
    resume = ("dead-letters", "jobs", "resume", str(job["id"]), "--reason", "it was killed")
    eventually(lambda: killed_again(stage, resume), bool, within=40, every=2)
    eventually(lambda: leads(stage, *resume, code=None), bool, within=60, every=3)
    stage.settle(within=120) if not load.is_running else None
    listed = leads(stage, "dead-letters", "list", "--status", "all", *chosen, "--limit", "100000")
    assert {(each["status"], each["generation"]) for each in listed if each["id"] in ids} == {("resolved", 0)}

    done, went_out = of_the_replayed(stage), len(stage.mails.lines())
    second = leads(stage, "dead-letters", "replay", *ids, "--reason", "once more")
    assert {each["outcome"] for each in second} == {"noop"}
    assert of_the_replayed(stage) == done
    assert went_out >= CALLS // 2
    audit = [json.loads(record.value or b"{}") for record in stage.records("leads.audit.v1")]
    acts = Counter(each["act"] for each in audit)
    assert {each["reason"] for each in audit if each["act"] == "replay"} == {"once more"}
    assert (acts["apply"], acts["replay"]) == (1, len(ids))
    assert acts["resume"] >= 2
    load.finish()
    stage.settle(within=120)
    mails, calls, before = len(stage.mails.lines()), len(stage.webhooks.lines()), rows(stage)
    requests = stage.records(REQUESTS)
    stage.publish([Published(each.value, each.key, list(each.headers)) for each in requests], REQUESTS)
    stage.settle(within=60)

    assert rows(stage) == before
    assert (len(stage.mails.lines()), len(stage.webhooks.lines())) == (mails, calls)
    assert len(stage.records(RECEIVED)) == 7 * (CALLS // 2) + len(live)
    assert stage.lag() == {}
    seen = Counter(each.header("ce_id") for each in stage.records(ASSIGNED))
    assert set(seen.values()) == {1}, "another consumer group saw a record a second time"
    assert stage.check()["is_clean"]


def of_the_replayed(stage: Stage) -> list[str]:
    """Return every letter and every row about the replayed leads; live load changes none of them."""
    names = ", ".join(f"'lead-{number}'" for number in range(CALLS // 2))
    queries = ("SELECT * FROM letters", f"SELECT * FROM ledger WHERE lead_id IN ({names})")
    return sorted(repr(tuple(row)) for query in queries for row in stage.sql(query))


def replayed(stage: Stage) -> int:
    """Return the number of letters that jobs have resolved."""
    return stage.count("SELECT count(*) FROM replay_job_items WHERE state = 'resolved'")


def killed_again(stage: Stage, resume: tuple[str, ...]) -> bool:
    """Kill a process that resumes the job; return False while it may not resume yet."""
    before = replayed(stage)
    try:
        killed(stage, *resume, once=lambda: replayed(stage) > before)
    except AssertionError:
        return False
    return True


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_repaired_old_event_fills_what_is_empty_and_overwrites_nothing_newer(
    chosen_stage: Stage, tmp_path: Path
) -> None:
    stage, file, who = chosen_stage, str(tmp_path / "old.plan"), "late@example.com"
    stage.open(CALM)
    stage.start_worker()
    old = changed(1, email=who, company="Old", job_title="Baker", country="\x07")
    new = changed(2, email=who, company="New")
    stage.publish([with_header(old, "ce_time", b"2026-11-01T00:00:00Z")])
    stage.publish([with_header(new, "ce_time", b"2026-11-20T00:00:00Z")])
    stage.settle(within=60)
    eventually(lambda: stage.count("SELECT count(*) FROM letters"), lambda letters: letters == 1, within=20)

    leads(stage, "dead-letters", "repair", "--all", "--recipe", "strip-country", "--reason", "repair")
    leads(stage, "dead-letters", "plan", "--all", "--out", file)
    leads(stage, "dead-letters", "apply", file, "--reason", "repaired")
    stage.settle(within=60)

    (shown,) = leads(stage, "show", who)
    fields = json.dumps(shown["contact"])
    assert '"New"' in fields
    assert "Old" not in fields
    assert "Baker" in fields
    assert len([line for line in stage.mails.lines() if who in str(line["to"])]) == 1


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("decided", "outcomes", "mails"), [("skip", {"skipped": 5}, 0), ("run", {"sent": 5}, 5)]
)
def test_a_three_day_old_welcome_needs_a_decision_and_follows_it(
    stage: Stage, tmp_path: Path, decided: str, outcomes: dict[str, int], mails: int
) -> None:
    file, clock = str(tmp_path / "late.plan"), tmp_path / "clock"
    clock.write_text(str(-3 * DAY_S))
    stage.open(CALM)
    then = stage.start_as("tests.chaos.shifted", str(clock))
    stage.mails.stop()
    stage.publish([as_event(number, person(number)) for number in range(5)])
    stage.settle(within=60)
    then.terminate(within=20)
    stage.mails.start()
    stage.start_worker()
    stage.settle(within=60)

    # Their retries are long overdue: the worker tries them and parks them.
    parked = "SELECT count(*) FROM letters WHERE action = 'send-welcome-email' AND status = 'parked'"
    eventually(lambda: stage.count(parked), lambda letters: letters == 5, within=30)
    # The webhook also refuses signatures from a wrong clock, which makes other letters.
    late = ("dead-letters", "plan", "--action", "send-welcome-email")
    (asked,) = leads(stage, *late)
    leads(stage, *late, "--stale", decided, "--out", file)
    leads(stage, "dead-letters", "apply", file, "--reason", decided)
    stage.settle(within=60)

    assert asked["failing"] == [{"action": "send-welcome-email", "code": "STALE", "letters": 5}]
    assert Counter(each.data["outcome"] for each in stage.records(WELCOMED)) == outcomes
    assert len(stage.mails.lines()) == mails


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_check_counts_the_letters_that_a_build_would_let_pass_and_explains_the_others(
    stage: Stage, tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    copy_to(bad)
    break_action(bad / "actions/assign_owner.py", '"1@" in str(contact.contact.email)')
    stage.open(CALM)
    worker = stage.start_as("streams.interfaces.cli.main", build=bad)
    stage.publish(
        [replace(changed(number, email=f"p{number}@example.com"), key=None) for number in range(20)]
    )
    stage.settle(within=60)
    worker.terminate(within=20)

    (today,) = leads(stage, "dead-letters", "check", build=bad, code=1)
    (fixed,) = leads(stage, "dead-letters", "check", code=0)

    assert today["failing"] == [{"action": "assign-owner", "code": "DEFECT", "letters": 2}]
    assert fixed["verdicts"] == {"would-resolve": 2}
