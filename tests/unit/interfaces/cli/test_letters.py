"""`leads dead-letters` has every command that a letter needs, each with its help."""

from __future__ import annotations

from streams.dead_letters.letter_commands import SIMPLE_COMMANDS
from streams.interfaces.cli.letter_commands import SIMPLE_TEXTS
from tests.support.in_process import Leads


def test_every_command_that_needs_only_a_reason_exists_and_has_help(leads: Leads) -> None:
    assert SIMPLE_TEXTS.keys() == SIMPLE_COMMANDS.keys()
    for name, text in SIMPLE_TEXTS.items():
        helped = leads.run("dead-letters", name, "--help")

        assert helped.code == 0
        assert text.help[:40] in helped.out
