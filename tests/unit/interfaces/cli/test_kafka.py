"""`leads kafka` where no local broker runs."""

from __future__ import annotations

import pytest

from streams.interfaces.cli import kafka
from tests.support.in_process import Leads


def test_a_folder_without_a_broker_is_reported_as_not_running(leads: Leads) -> None:
    shown = leads.run("kafka", "status", "--json")

    assert shown.code == 3
    assert (shown.json["is_running"], shown.json["bootstrap"]) == (False, None)


def test_stopping_what_does_not_run_succeeds(leads: Leads) -> None:
    stopped = leads.run("kafka", "stop")
    as_json = leads.run("kafka", "stop", "--json")

    assert (stopped.code, as_json.code) == (0, 0)
    assert "nothing to do" in stopped.out
    assert (as_json.json["is_running"], as_json.json["ran_before"]) == (False, False)


@pytest.mark.parametrize(
    ("named", "noted"),
    [("127.0.0.1:9092", None), ("", None), ("kafka.example:9092", "kafka.example:9092")],
)
def test_a_note_is_printed_only_when_the_other_commands_use_another_broker(
    named: str, noted: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADS_KAFKA", named)

    assert kafka._named_instead_of("127.0.0.1:9092") == noted
