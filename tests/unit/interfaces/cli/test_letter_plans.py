"""`leads dead-letters plan` and `check` print what replays would do and change nothing."""

from __future__ import annotations

from pathlib import Path

from streams.dead_letters.plan import read_plan
from tests.support.in_process import Leads
from tests.support.letters import BODY, lettered


def test_a_plan_freezes_the_letters_and_changes_none(leads: Leads, tmp_path: Path) -> None:
    ids = leads.index(lettered(1), lettered(2, value=b"not json"))
    file = tmp_path / "plan.ndjson"

    planned = leads.run("dead-letters", "plan", "--all", "--out", str(file), "--json")

    assert planned.code == 0
    assert sum(planned.json["verdicts"].values()) == 2
    assert [item.id for item in read_plan(file).items] == ids
    assert not file.with_name("plan.ndjson.part").exists()
    assert [leads.letter(each).status for each in ids] == ["parked", "parked"]
    assert leads.audit == []


def test_a_check_fails_for_a_build_that_would_fail_again(leads: Leads) -> None:
    none = leads.run("dead-letters", "check")
    leads.index(lettered(1, value=b"not json"))
    failing = leads.run("dead-letters", "check")

    assert (none.code, failing.code) == (0, 1)
    assert "against 0 parked letters" in none.out
    assert "against 1 parked letter:" in failing.out
    assert BODY.decode() not in failing.out
