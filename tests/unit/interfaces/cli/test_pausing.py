"""`leads pause`, `leads resume` and `leads cancel`."""

from __future__ import annotations

from dataclasses import replace
from getpass import getuser

from streams.store import pauses
from tests.support.in_process import Leads
from tests.support.letters import row


def test_a_step_is_paused_once_and_the_first_reason_is_kept(leads: Leads) -> None:
    first = leads.run("pause", "send-welcome-email", "--reason", "the  template\nis wrong", "--json")
    second = leads.run("pause", "send_welcome_email", "--reason", "me too")

    assert first.code == 0
    assert first.json == {
        "step": "send-welcome-email",
        "is_new": True,
        "reason": "the template is wrong",
        "by": getuser(),
    }
    assert (second.code, second.out) == (1, "")
    assert "'the template is wrong'" in second.err
    assert "`leads resume send-welcome-email`" in second.err


def test_only_a_step_that_a_person_paused_is_resumed(leads: Leads) -> None:
    leads.run("pause", "assign-owner", "--reason", "roster")

    resumed = leads.run("resume", "assign-owner", "--json")
    again = leads.run("resume", "assign-owner")

    assert (resumed.code, resumed.json) == (0, {"step": "assign-owner", "was_paused": True})
    assert leads.cluster.database.transact(pauses.by_hand) == []
    assert (again.code, again.out) == (1, "")
    assert "no person paused assign-owner" in again.err


def test_a_misspelt_step_is_refused_with_the_names_of_all(leads: Leads) -> None:
    refused = leads.run("pause", "asign-owner", "--reason", "x")

    assert refused.code == 2
    assert "'asign-owner'" in refused.err
    assert "assign-owner, " in refused.err


def test_an_empty_reason_is_refused(leads: Leads) -> None:
    refused = leads.run("pause", "assign-owner", "--reason", "  ")

    assert (refused.code, refused.err) == (2, "Error: --reason is empty; say in a few words why.\n")


def test_cancelling_a_run_discards_its_open_letters_after_the_audit_names_them(leads: Leads) -> None:
    mine = replace(row(1, lead="l1"), headers=[("ce_correlationid", b"run-1")])
    other = replace(row(2, lead="l1"), headers=[("ce_correlationid", b"run-2")])
    one, two = leads.index(mine, other)

    cancelled = leads.run("cancel", "l1", "--run", "run-1", "--reason", "withdrawn", "--json")

    assert cancelled.json == {"lead_id": "l1", "runs": ["run-1"], "discarded": 1}
    assert (leads.letter(one).status, leads.letter(two).status) == ("discarded", "parked")
    assert [(entry["act"], entry["about"], entry["reason"]) for entry in leads.audit] == [
        ("discard", one, "withdrawn")
    ]


def test_a_lead_that_no_worker_has_read_is_not_cancelled(leads: Leads) -> None:
    unknown = leads.run("cancel", "l9", "--reason", "x")

    assert (unknown.code, unknown.out) == (1, "")
    assert "lead 'l9' is unknown" in unknown.err
