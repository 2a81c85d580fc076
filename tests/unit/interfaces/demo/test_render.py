"""The demo's display shows counts, and its summary shows what does not agree."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from streams.interfaces.demo.render import Display, draw
from tests.unit.interfaces.demo.test_summary import RIGHT, STATE, verdict


class Screen:
    """A console whose output is text."""

    def __init__(self) -> None:
        self.out = StringIO()
        self.console = Console(file=self.out, width=160, color_system=None)

    @property
    def text(self) -> str:
        return self.out.getvalue()


COUNTED = replace(RIGHT, verdict=verdict(mails=2, webhooks=2, contacts=2))


def test_a_right_summary_ends_with_its_sum_and_marks_no_check() -> None:
    screen = Screen()

    draw(COUNTED, screen.console)

    assert screen.text.rstrip().endswith(
        "4 received = 2 onboarded + 1 rejected + 1 open letters; 2 mails, 2 notices, 2 contacts, none twice"
    )
    assert "a key without a value" in screen.text
    assert not {"✗", "OFF"} & set(screen.text.split())


def test_a_check_that_fails_is_marked_with_both_numbers() -> None:
    screen = Screen()

    draw(replace(COUNTED, letters={}), screen.console)

    assert "unreadable records = their open letters: 1 is not 0" in screen.text
    assert "none twice" not in screen.text


@pytest.mark.parametrize("passed_s", [0.0, 10.0])
def test_without_a_terminal_a_changed_count_is_printed_at_most_every_five_seconds(
    monkeypatch: pytest.MonkeyPatch, passed_s: float
) -> None:
    now = [100.0]
    monkeypatch.setattr("streams.interfaces.demo.render.time.monotonic", lambda: now[0])
    screen = Screen()

    with Display(screen.console, 4) as display:
        now[0] += passed_s
        display.update(STATE)
        display.update(STATE)

    lines = screen.text.splitlines()
    assert len(lines) == (1 if passed_s else 0)
    assert all("received 4" in line and "webhooks 2" in line for line in lines)
