"""Late replays: an old welcome asks, and follows the decision."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from actions.action import spec_of
from actions.assign_owner import assign_owner
from actions.send_welcome_email import GREETS_WITHIN, send_welcome_email
from streams.engine.staleness import on_stale
from tests.support.letters import NOW, row
from topics.envelope import timestamp

ASKED = row(1).letter


@pytest.mark.parametrize(
    ("age", "expected"), [(GREETS_WITHIN, "run"), (GREETS_WITHIN + timedelta(milliseconds=1), "ask")]
)
def test_a_welcome_asks_once_it_is_older_than_its_max_age(age: timedelta, expected: str) -> None:
    assert on_stale(spec_of(send_welcome_email), timestamp(NOW - age), ASKED, NOW) == expected


@pytest.mark.parametrize("decided", ["run", "skip"])
def test_what_the_person_decided_counts(decided: Literal["run", "skip"]) -> None:
    asked = row(1, stale=decided).letter

    assert on_stale(spec_of(send_welcome_email), timestamp(NOW - timedelta(days=3)), asked, NOW) == decided


def test_live_events_and_actions_without_max_age_run_however_old() -> None:
    old = timestamp(NOW - timedelta(days=300))

    assert on_stale(spec_of(send_welcome_email), old, None, NOW) == "run"
    assert on_stale(spec_of(assign_owner), old, ASKED, NOW) == "run"
