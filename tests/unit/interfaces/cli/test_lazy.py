"""Commands that are imported when they run are still found by their names."""

from __future__ import annotations

import pytest

from streams.interfaces.cli.lazy import LAZY
from tests.support.in_process import Leads


@pytest.mark.parametrize("name", LAZY)
def test_a_stand_in_gives_way_to_its_command(leads: Leads, name: str) -> None:
    # A stand-in has no options at all: it would refuse --help.
    helped = leads.run(name, "--help")

    assert (helped.code, helped.err) == (0, "")
    assert f"Usage: leads {name} " in helped.out
