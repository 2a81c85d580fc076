"""`leads show`: what was done about a lead or a person."""

from __future__ import annotations

import asyncio
import re

from actions.errors import PermanentError
from streams.testing import event_headers, lead
from tests.support.in_process import Leads
from topics.events import LeadReceived


def onboard(leads: Leads, lead_id: str, **fields: object) -> None:
    cluster = leads.cluster
    cluster.log.append(
        cluster.names.of(LeadReceived), None, lead(lead_id=lead_id, **fields), event_headers(lead_id)
    )
    asyncio.run(cluster.settle())


def test_a_lead_is_shown_with_every_action_and_the_contact_as_it_is(leads: Leads) -> None:
    onboard(leads, "l1", phone="+49 30 1234567")

    shown = leads.run("show", "l1", "--json").json

    assert shown["contact"]["fields"]["phone"]["value"] == "+49301234567"
    (found,) = shown["leads"]
    (run,) = found["runs"]
    assert found["letters"] == []
    assert [(step["action"], step["status"], step["attempts"]) for step in run["steps"][:4]] == [
        ("validate-lead", "done", 1),
        ("find-duplicates", "done", 1),
        ("create-or-update-contact", "done", 1),
        ("assign-owner", "done", 1),
    ]
    assert {step["action"] for step in run["steps"][4:]} == {"notify-owner", "send-welcome-email"}


def test_a_name_is_shown_as_a_name_with_its_parts_where_there_are_some(leads: Leads) -> None:
    onboard(leads, "l1", name="Jane Doe")
    onboard(leads, "l2", email="ada@b.example", name=None, first_name="Ada", last_name="Lovelace")

    assert re.search(r"name +Jane Doe +/web", leads.run("show", "l1").out)
    assert "Ada Lovelace (first_name=Ada, last_name=Lovelace)" in leads.run("show", "l2").out


def test_a_person_is_found_by_any_spelling_of_the_address(leads: Leads) -> None:
    onboard(leads, "l1")

    person = leads.run("show", " Jane.DOE@example.com")

    assert person.code == 0
    assert "owner ada" in person.out
    assert "Lead l1, run " in person.out


def test_a_failed_step_is_shown_with_its_code_and_its_letter(leads: Leads) -> None:
    def refuse(_: object) -> None:
        raise PermanentError("SMTP_REFUSED", "no such mailbox")

    leads.world.fail = refuse
    onboard(leads, "l1")

    shown = leads.run("show", "l1")

    assert "dead letter: SMTP_REFUSED" in shown.out
    assert "no such mailbox" in shown.out


def test_an_unknown_lead_is_refused_with_the_next_step(leads: Leads) -> None:
    unknown = leads.run("show", "eve@example.com", "--json")

    assert (unknown.code, unknown.out) == (1, "")
    assert "nothing is known about 'eve@example.com'" in unknown.err
    assert "`leads status`" in unknown.err
