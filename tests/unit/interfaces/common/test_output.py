"""Text written by strangers reaches a terminal as text only."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

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
