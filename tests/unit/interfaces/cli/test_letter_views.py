"""`leads dead-letters list`, `groups`, `stats`, `show` and `tail` as a person or a script calls them."""

from __future__ import annotations

import time

import orjson
import pytest

from streams.clock import now, to_us
from tests.support.in_process import Leads
from tests.support.letters import ROWS, lettered, row


def test_a_group_is_found_and_its_letters_are_listed(leads: Leads) -> None:
    leads.index(*ROWS)

    found = leads.run("dead-letters", "groups", "--code", "smtp_refused", "--json")
    (group,) = found.lines
    listed = leads.run("dead-letters", "list", "--group", group["fingerprint"], "--json")

    assert (group["count"], group["action"]) == (2, "send-welcome-email")
    assert [each["lead_id"] for each in listed.lines] == ["lead-3", "lead-4"]


def test_counts_are_one_document_and_cover_every_status(leads: Leads) -> None:
    leads.index(*ROWS)

    printed = leads.run("dead-letters", "stats", "--json").json

    assert printed["status"] == {"parked": 3, "resolved": 1, "scheduled": 1}
    assert printed["headroom_seconds"] is not None


def test_the_number_of_letters_beyond_the_limit_is_shown(leads: Leads) -> None:
    leads.index(*ROWS)

    listed = leads.run("dead-letters", "list", "--limit", "3")

    assert listed.code == 0
    assert "1 more letter; --limit 4 lists all." in listed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--class", "posion"), "did you mean poison?"),
        (("--since", "yesterday"), "write 2026-11-23T20:15:00Z"),
        (("--lead", "\udcff"), r"'\udcff' is not UTF-8"),
    ],
)
def test_a_slip_in_a_selector_is_one_sentence(leads: Leads, arguments: tuple[str, ...], message: str) -> None:
    refused = leads.run("dead-letters", "list", *arguments)

    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert message in refused.err


def test_a_letter_is_explained_and_its_record_is_hidden(leads: Leads) -> None:
    (letter_id,) = leads.index(lettered(1))

    shown = leads.run("dead-letters", "show", letter_id[:8])

    assert shown.code == 0
    assert "NOT_JSON" in shown.out
    assert "ada@b.example" not in shown.out + shown.err
    assert "--reveal --reason TEXT prints it" in shown.err


def test_a_record_is_revealed_with_a_reason_that_the_audit_keeps(leads: Leads) -> None:
    (letter_id,) = leads.index(lettered(1))

    unexplained = leads.run("dead-letters", "show", letter_id, "--reveal")
    revealed = leads.run("dead-letters", "show", letter_id, "--reveal", "--reason", "a call", "--json")

    assert (unexplained.code, unexplained.out) == (2, "")
    assert "--reveal shows personal data and is audited" in unexplained.err
    assert orjson.loads(revealed.json["record"]["value"])["email"] == "ada@b.example"
    (entry,) = leads.audit
    assert (entry["act"], entry["about"], entry["reason"]) == ("reveal", letter_id, "a call")


def test_tail_prints_only_letters_that_are_indexed_after_it_began(leads: Leads) -> None:
    before, after = row(1), row(2)
    leads.index(before, at_us=to_us(now()) - 1_000_000)
    waits = iter([lambda: leads.index(after, at_us=to_us(now()))])

    def sleep(_: float) -> None:
        next(waits, interrupt)()

    leads.monkeypatch.setattr(time, "sleep", sleep)
    tail = leads.run("dead-letters", "tail", "--json")

    assert [letter["id"] for letter in tail.lines] == [after.letter.id]
    assert tail.code == 130


def interrupt() -> None:
    """Do what Ctrl-C does."""
    raise KeyboardInterrupt
