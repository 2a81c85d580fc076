"""The pace of replay jobs: what was not used while a job waited is not made up for in one burst."""

from __future__ import annotations

import pytest

from streams.dead_letters.job_limits import JobOptions, TokenBucket, capacity, over_failure_limit


def test_the_rate_holds_and_a_job_that_waited_does_not_make_up_for_it() -> None:
    allowance = TokenBucket(rate=100)
    asked = 0
    for tick in range(101):
        now = allowance.now(tick / 100)
        allowance.use(now)
        asked += now
        assert now in {0, 20}

    after_a_minute = allowance.now(61.0)

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
def test_a_canary_step_begins_when_the_one_before_has_all_its_outcomes(
    done: dict[str, int], in_flight: int, expected: int
) -> None:
    assert capacity(JobOptions(canary=(1, 10), max_in_flight=50), done, in_flight) == expected


def test_letters_that_were_left_out_are_no_successes() -> None:
    options = JobOptions(stop_if_fail=5)

    assert over_failure_limit(options, {"skipped": 100, "failed": 1, "resolved": 18}) is not None
    assert over_failure_limit(options, {"failed": 1, "resolved": 19}) is None
