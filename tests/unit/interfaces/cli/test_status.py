"""`leads status` when nothing runs."""

from __future__ import annotations

from streams.clock import now
from tests.support.in_process import Leads
from tests.support.letters import DAY, NOW, ROWS, row


def test_status_starts_no_local_kafka_and_shows_the_database_all_the_same(leads: Leads) -> None:
    leads.monkeypatch.delenv("LEADS_KAFKA")
    leads.index(*ROWS)

    shown = leads.run("status", "--json")

    assert shown.code == 3
    assert (shown.json["kafka"]["is_reachable"], shown.json["kafka"]["servers"]) == (False, None)
    assert "`leads kafka start`" in shown.json["kafka"]["error"]
    assert shown.json["database"]["is_reachable"]
    assert shown.json["database"]["letters"] == {"parked": 3, "resolved": 1, "scheduled": 1}


def test_a_letter_that_its_topic_is_about_to_delete_is_pointed_out(leads: Leads) -> None:
    leads.monkeypatch.delenv("LEADS_KAFKA")
    leads.index(row(1, age=NOW - now()))
    fresh = leads.run("status").err
    leads.index(row(2, age=NOW - now() + 27 * DAY))

    old = leads.run("status").err

    assert "oldest open dead letter" not in fresh
    assert "deleted from its topic in 1.0 days" in old


def test_a_paused_step_is_shown_with_its_reason(leads: Leads) -> None:
    leads.monkeypatch.delenv("LEADS_KAFKA")
    leads.run("pause", "assign-owner", "--reason", "roster is wrong")

    shown = leads.run("status")

    assert "roster is wrong" in shown.out
    assert "assign-owner" in shown.out
