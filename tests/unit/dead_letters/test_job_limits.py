"""A job keeps its rate, its canary steps and its failure limit."""

from __future__ import annotations

import pytest

from streams.dead_letters.job_limits import JobOptions, TokenBucket, capacity, over_failure_limit


def test_the_rate_holds_and_a_pause_is_not_made_up_for_in_a_burst() -> None:
    bucket = TokenBucket(rate=100)
    asked = 0
    for tick in range(101):
        now = bucket.now(tick / 100)
        bucket.use(now)
        asked += now
        assert now in {0, 20}

    after_a_minute = bucket.now(61.0)

    assert 100 <= asked <= 120
    assert after_a_minute == 20


@pytest.mark.parametrize(
    ("done", "in_flight", "expected"),
    [
        ({}, 0, 1),
        ({}, 1, 0),
        ({"resolved": 1}, 0, 10),
        ({"noop": 5, "failed": 1}, 2, 3),
        ({"resolved": 11}, 0, 50),
    ],
)
def test_a_canary_step_starts_when_the_step_before_has_all_its_outcomes(
    done: dict[str, int], in_flight: int, expected: int
) -> None:
    assert capacity(JobOptions(canary=(1, 10), max_in_flight=50), done, in_flight) == expected


def test_skipped_letters_do_not_count_as_successes() -> None:
    options = JobOptions(stop_if_fail=5)

    assert over_failure_limit(options, {"skipped": 100, "failed": 1, "resolved": 18}) is not None
    assert over_failure_limit(options, {"failed": 1, "resolved": 19}) is None
