"""Progress off a terminal: one line for each step, and no more than one line every five seconds."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from streams.interfaces.common.progress import progress_on, reporting


def test_a_step_of_a_start_is_printed_once_with_its_size(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(file=io.StringIO(), force_terminal=False)

    with progress_on(console) as show:
        show("fetching Kafka", 0, 120_000_000)
        show("fetching Kafka", 60_000_000, 120_000_000)
        show("starting Kafka", 0, 0)

    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "fetching Kafka (120 MB) …\nstarting Kafka …\n"
    assert capsys.readouterr().out == ""


def test_records_are_reported_every_five_seconds_with_their_rate_and_what_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])

    with reporting() as report:
        report("leads.received.v1", 0, 300)
        for moment, done in ((2.0, 40), (6.0, 120), (7.0, 140)):
            seconds[0] = moment
            report("leads.received.v1", done, 300)

    assert capsys.readouterr().err == "leads.received.v1: 120 records, 20/s, 180 left (9 s)\n"
