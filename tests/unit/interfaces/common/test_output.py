"""Text written by strangers reaches a terminal as text only."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from streams.interfaces.common.output import duration, plural, readable, readable_text, write_table
from tests.support.in_process import Leads
from tests.support.letters import row

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\nError: forged\r"
ROW = row(1, lead="lead-1", message=EVIL, app_version=EVIL, exception=EVIL, group=EVIL)


@pytest.mark.parametrize("command", [("list",), ("groups",), ("show", ROW.letter.id)])
def test_a_letter_does_nothing_to_the_terminal_that_shows_it(leads: Leads, command: tuple[str, ...]) -> None:
    leads.index(replace(ROW, lead_id=EVIL))

    shown = leads.run("dead-letters", *command)
    as_json = leads.run("dead-letters", *command, "--json")

    assert (shown.code, as_json.code) == (0, 0)
    assert not set(shown.out + shown.err + as_json.out) & {
        *map(chr, range(9)),
        *map(chr, range(11, 32)),
        "\x9b",
    }
    assert not [line for line in shown.out.splitlines() if line.startswith("Error")]
    assert all(json.dumps(document) for document in as_json.lines)


def test_a_piped_table_is_not_cut_and_shows_no_value_as_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(("id", "#count"), [("x" * 120, 1_000), (None, "two\nlines")])

    printed = capsys.readouterr().out
    assert "x" * 120 in printed
    assert [line.split() for line in printed.splitlines()][-2] == ["-", "two\\nlines"]


def test_one_is_singular_and_thousands_are_separated() -> None:
    assert [plural(1, "letter"), plural(2_000, "letter"), plural(0, "entry", "entries")] == [
        "1 letter",
        "2,000 letters",
        "0 entries",
    ]


def test_durations_and_moments_are_written_as_people_read_them() -> None:
    assert [duration(12_000), duration(999_999), duration(3_400_000)] == ["12.0 ms", "1000.0 ms", "3.4 s"]
    assert readable(1_795_464_900_000_000) == "2026-11-23 20:15:00.000Z"
    assert readable_text("2026-11-23T20:15:00.123456Z") == "2026-11-23 20:15:00Z"
