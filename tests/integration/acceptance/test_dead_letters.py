"""This file takes dead letters of eight causes from failure to repair, with real workers, commands and servers."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.checker.evidence import LETTERS, RECEIVED
from tests.integration.acceptance.making import as_event, person
from tests.integration.acceptance.commanding import leads, rows, topic_ends
from tests.integration.acceptance.stage import Published, Stage
from tests.integration.acceptance.waiting import eventually

EACH = 125 if os.environ.get("LEADS_CHAOS") else 15
"""Letters per cause; LEADS_CHAOS=full makes a thousand in all."""
CALM = """
[retry]
delays = ["6h"]
[pause]
failures = 100000
letters_per_minute = 100000
[[recipes]]
name = "strip-country"
version = 1
patch = [{ op = "remove", path = "/country" }]
"""
REQUEST = "actions.requests.v1"


def changed(number: int, **fields: object) -> Published:
    """A lead whose body has other fields."""
    event = as_event(number, person(number))
    return replace(event, value=json.dumps({**json.loads(event.value or b"{}"), **fields}).encode())


def with_header(event: Published, name: str, value: bytes | None) -> Published:
    """The same with a header changed, or taken away."""
    kept = [(each, raw) for each, raw in event.headers if each != name]
    return replace(event, headers=[*kept, *([] if value is None else [(name, value)])])


def eight_causes() -> list[Published]:
    """Six kinds of records that fail by themselves; the mail server and the webhook that are away make two more."""
    made: list[Published] = []
    numbers = iter(range(10_000, 10_000 + 8 * EACH))
    for _ in range(EACH):
        made += [
            replace(as_event(next(numbers), person(1)), value=b"{not json"),
            replace(as_event(next(numbers), person(1)), value=b'{"email": "\xff"}'),
            changed(next(numbers), country=49),
            with_header(as_event(next(numbers), person(1)), "ce_source", None),
            with_header(as_event(next(numbers), person(1)), "ce_expirytime", b"2026-01-01T00:00:00Z"),
            replace(as_event(next(numbers), person(1)), value=b"[" * 40 + b"]" * 40),
        ]
    return made + [as_event(number, person(number)) for number in range(EACH)]


@pytest.fixture
def failed(any_stage: Stage) -> Stage:
    """An installation in which letters of eight causes were made by a worker that runs; all servers are back."""
    stage = any_stage
    stage.open(CALM)
    stage.start_worker()
    stage.settle(within=30)
    stage.mails.stop()
    stage.webhooks.stop()
    stage.publish(eight_causes())
    stage.settle(within=240)
    stage.mails.start()
    stage.webhooks.start()
    eventually(
        lambda: stage.count("SELECT count(*) FROM letters"), lambda found: found == 8 * EACH, within=60
    )
    return stage


@pytest.mark.timeout(900)
def test_a_plan_changes_nothing_and_says_of_each_letter_what_its_replay_then_comes_to(
    failed: Stage, tmp_path: Path
) -> None:
    stage, file = failed, tmp_path / "all.plan"
    groups = leads(stage, "dead-letters", "groups")
    assert {group["count"] for group in groups} == {EACH}
    assert len(groups) == 8
    mails, calls = len(stage.mails.lines()), len(stage.webhooks.lines())
    before = rows(stage), topic_ends(stage)

    (totals,) = leads(stage, "dead-letters", "plan", "--all", "--out", str(file))

    assert (rows(stage), topic_ends(stage)) == before
    assert (len(stage.mails.lines()), len(stage.webhooks.lines())) == (mails, calls)
    assert totals["verdicts"] == {"unreadable": 5 * EACH, "would-fail-again": EACH, "would-resolve": 2 * EACH}

    slow = ("--rate", "2000", "--canary", "none", "--stop-if-fail", "100", "--force", "--reason", "test")
    (job,) = leads(stage, "dead-letters", "apply", str(file), *slow, code=None, within=600)
    stage.settle(within=120)

    planned = [json.loads(line) for line in file.read_bytes().splitlines()[1:-1]]
    now = {
        each["id"]: each
        for each in leads(stage, "dead-letters", "list", "--status", "all", "--limit", "100000")
    }
    for each in planned:
        would, letter = each["would"], now[each["id"]]
        if would["verdict"] == "would-resolve":
            assert (letter["status"], letter["generation"]) == ("resolved", 0)
        else:
            assert (letter["status"], letter["generation"], letter["code"]) == ("parked", 1, would["code"])
    told = Counter((each["state"], each["why"]) for each in job["letters"])
    assert told[("resolved", None)] == 2 * EACH
    assert not [why for _, why in told if why is not None and "planned" in why]
    # One mail and one notice per person: what the plan said goes out.
    assert len(stage.mails.lines()) - mails == EACH
    assert len(stage.webhooks.lines()) - calls == EACH
    assert stage.check()["is_clean"]


@pytest.mark.timeout(600)
def test_a_recipe_repairs_a_group_in_one_job_and_the_originals_stay_readable(
    failed: Stage, tmp_path: Path
) -> None:
    stage, file = failed, str(tmp_path / "wrong.plan")
    chosen = ("--code", "WRONG_TYPE")
    known = stage.records(LETTERS)

    (repaired,) = leads(
        stage, "dead-letters", "repair", *chosen, "--recipe", "strip-country", "--reason", "the fair's form"
    )
    leads(stage, "dead-letters", "plan", *chosen, "--out", file)
    (job,) = leads(stage, "dead-letters", "apply", file, "--rate", "2000", "--reason", "repaired", within=300)
    stage.settle(within=60)

    assert (len(repaired["changed"]), repaired["left"]) == (EACH, [])
    assert Counter(each["state"] for each in job["letters"]) == {"resolved": EACH}
    originals = {record.value for record in stage.records(RECEIVED)}
    kept = stage.sql("SELECT original_value, record_value FROM letters WHERE code = 'WRONG_TYPE'")
    assert all(bytes(first) in originals and bytes(first) != bytes(now) for first, now in kept)
    assert {record.value for record in known} <= {record.value for record in stage.records(LETTERS)}
    audit = [json.loads(record.value or b"{}") for record in stage.records("leads.audit.v1")]
    edits = [each for each in audit if each["act"] == "edit"]
    assert {each["about"] for each in edits} == set(repaired["changed"])
    assert {(each["reason"], each["patch"]) for each in edits} == {
        ("the fair's form", "recipe strip-country v1")
    }
    assert all(each["author"] for each in audit)
    assert "email" not in json.dumps(audit)
    assert leads(stage, "verify", code=None)


@pytest.mark.timeout(600)
def test_a_canary_stops_at_its_first_letter_when_the_mail_server_is_still_away(
    failed: Stage, tmp_path: Path
) -> None:
    stage, file = failed, str(tmp_path / "mails.plan")
    leads(stage, "dead-letters", "plan", "--action", "send-welcome-email", "--out", file)
    stage.mails.stop()

    (job,) = leads(stage, "dead-letters", "apply", file, "--canary", "1,10", "--reason", "too early", code=1)

    states = Counter(each["state"] for each in job["letters"])
    (bad,) = [each["id"] for each in job["letters"] if each["state"] == "failed"]
    assert (job["status"], states) == ("stopped", {"failed": 1})
    assert bad in job["message"]
    untouched = leads(stage, "dead-letters", "list", "--action", "send-welcome-email", "--generation", "0")
    assert len(untouched) == EACH - 1
