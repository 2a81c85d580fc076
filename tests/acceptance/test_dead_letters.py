"""Take dead letters of eight causes from failure to repair, with real workers, commands and servers."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.commanding import leads, rows, topic_ends
from tests.acceptance.eight_causes import EACH, REPAIRED, fail, fail_by_defects
from tests.acceptance.stage import Stage
from tests.support.outside_client import LETTERS, RECEIVED


@pytest.fixture
def failed(chosen_stage: Stage) -> Stage:
    fail(chosen_stage)
    return chosen_stage


@pytest.mark.long_on("postgresql")
@pytest.mark.timeout(900)
def test_a_plan_changes_nothing_and_predicts_the_outcome_of_each_replay(
    any_stage: Stage, tmp_path: Path
) -> None:
    fail_by_defects(any_stage)
    stage, file = any_stage, tmp_path / "all.plan"
    groups = leads(stage, "dead-letters", "groups")
    assert {group["count"] for group in groups} == {EACH}
    assert len(groups) == 8
    mails, calls = len(stage.mails.lines()), len(stage.webhooks.lines())
    before = rows(stage), topic_ends(stage)

    (totals,) = leads(stage, "dead-letters", "plan", "--all", "--out", str(file))

    assert (rows(stage), topic_ends(stage)) == before
    assert (len(stage.mails.lines()), len(stage.webhooks.lines())) == (mails, calls)
    assert totals["verdicts"] == {"unreadable": 4 * EACH, "would-resolve": 4 * EACH}

    slow = ("--rate", "2000", "--canary", "none", "--stop-if-fail", "100", "--force", "--reason", "test")
    (job,) = leads(stage, "dead-letters", "apply", str(file), *slow, code=None, within=600)
    stage.settle(within=120)

    planned = [json.loads(line) for line in file.read_bytes().splitlines()[1:-1]]
    listed = leads(stage, "dead-letters", "list", "--status", "all", "--limit", "100000")
    now = {each["id"]: each for each in listed}
    done = ledger_of(stage)
    for each in planned:
        would, letter = each["would"], now[each["id"]]
        if would["verdict"] == "would-resolve":
            assert (letter["status"], letter["generation"]) == ("resolved", 0)
            for predicted in (would | {"action": letter["action"]}, *would.get("then", [])):
                came = done[letter["lead_id"], predicted["action"]]
                assert came["type"] == predicted["event"]
                assert came.get("outcome") == predicted.get("outcome")
                assert sorted(came.get("changed", [])) == predicted.get("changes", [])
                if "owner" in predicted:
                    assert came["owner"]["id"] == predicted["owner"]
            if each["owner"] is not None:
                assert done[letter["lead_id"], "assign-owner"]["owner"]["id"] == each["owner"]
        else:
            assert (letter["status"], letter["generation"], letter["code"]) == ("parked", 1, would["code"])
    assert sum(each["owner"] is not None for each in planned) == EACH
    outcomes = Counter((each["state"], each["reason"]) for each in job["letters"])
    assert outcomes[("resolved", None)] == 4 * EACH
    assert not [why for _, why in outcomes if why is not None and "planned" in why]
    # Exactly the predicted calls went out.
    going = Counter(
        (call["key"].partition(":")[0], call["state"])
        for each in planned
        for predicted in (each["would"], *each["would"].get("then", []))
        for call in predicted.get("calls", [])
    )
    known = (EACH + 1) // 2
    assert going == {
        ("welcome", "goes-out"): 3 * EACH - known,
        ("welcome", "held"): known,
        ("notify", "goes-out"): 3 * EACH,
    }
    assert len(stage.mails.lines()) - mails == going["welcome", "goes-out"]
    assert len(stage.webhooks.lines()) - calls == going["notify", "goes-out"]
    assert stage.check()["is_clean"]


def ledger_of(stage: Stage) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the result of each action by lead and action."""
    query = "SELECT lead_id, action, result_type, result FROM ledger WHERE status = 1"
    return {
        (lead, action): {"type": kind, **json.loads(bytes(result))}
        for lead, action, kind, result in stage.sql(query)
    }


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_recipe_repairs_a_group_in_one_job_and_the_originals_stay_readable(
    chosen_stage: Stage, tmp_path: Path
) -> None:
    stage, file = chosen_stage, str(tmp_path / "wrong.plan")
    fail(stage, REPAIRED)
    chosen = ("--code", "CONTROL_CHARACTER")
    known = stage.records(LETTERS)

    (repaired,) = leads(
        stage, "dead-letters", "repair", *chosen, "--recipe", "strip-country", "--reason", "the fair's form"
    )
    leads(stage, "dead-letters", "plan", *chosen, "--out", file)
    (job,) = leads(stage, "dead-letters", "apply", file, "--rate", "2000", "--reason", "repaired", within=300)
    stage.settle(within=60)

    assert (len(repaired["changed"]), repaired["skipped"]) == (REPAIRED, [])
    assert Counter(each["state"] for each in job["letters"]) == {"resolved": REPAIRED}
    originals = {record.value for record in stage.records(RECEIVED)}
    kept = stage.sql("SELECT original_value, record_value FROM letters WHERE code = 'CONTROL_CHARACTER'")
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


@pytest.mark.long
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
    untouched = leads(
        stage,
        "dead-letters",
        "list",
        "--action",
        "send-welcome-email",
        "--generation",
        "0",
        "--limit",
        "1000",
    )
    assert len(untouched) == EACH - 1


@pytest.mark.long
@pytest.mark.timeout(600)
def test_cancelling_a_lead_discards_its_letters_and_is_audited_first(failed: Stage) -> None:
    stage = failed
    letter, *_ = leads(stage, "dead-letters", "list", "--action", "send-welcome-email", "--limit", "2")

    (done,) = leads(stage, "cancel", str(letter["lead_id"]), "--reason", "asked us to stop")

    audit = [json.loads(record.value or b"{}") for record in stage.records("leads.audit.v1")]
    (shown,) = leads(stage, "dead-letters", "list", "--id", str(letter["id"]))
    both = leads(stage, "dead-letters", "list", "--status", "discarded", "--lead", str(letter["lead_id"]))
    assert (done["discarded"], shown["status"], len(both)) == (2, "discarded", 2)
    assert {(each["act"], each["reason"]) for each in audit} == {("discard", "asked us to stop")}
    assert {each["about"] for each in audit} == {each["id"] for each in both}
    assert len(leads(stage, "dead-letters", "list", "--status", "discarded", "--limit", "1000")) == 2
