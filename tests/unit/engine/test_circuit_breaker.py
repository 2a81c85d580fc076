"""When the breaker opens, lets a probe through, and closes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from streams.engine.circuit_breaker import LONGEST_ASKED, CircuitBreaker
from streams.testing import Clock

SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def breaker_of(clock: Clock, *, in_a_row: bool = True) -> CircuitBreaker:
    return CircuitBreaker(
        clock,
        max_failures=3,
        within=60 * SECOND,
        probe_after=SECOND,
        probe_at_most=4 * SECOND,
        in_a_row=in_a_row,
    )


def opened(clock: Clock) -> CircuitBreaker:
    breaker = breaker_of(clock)
    for _ in range(3):
        breaker.failed(is_probe=breaker.begin())
    return breaker


def time_until_allowed(breaker: CircuitBreaker, clock: Clock) -> timedelta | None:
    """Return how long it blocks executions; None when that is longer than ten seconds."""
    began = clock()
    while not breaker.allows and clock() - began < 10 * SECOND:
        clock.advance(seconds=1)
    return clock() - began if breaker.allows else None


def test_a_success_takes_back_failures_only_where_they_count_in_a_row(clock: Clock) -> None:
    ends = []
    for in_a_row in (True, False):
        breaker = breaker_of(clock, in_a_row=in_a_row)
        for _ in range(2):
            breaker.failed(is_probe=False)
        breaker.succeeded(is_probe=False)
        breaker.failed(is_probe=False)
        ends.append((breaker.is_open, breaker.capacity))

    assert ends == [(False, 2), (True, 0)]


def test_old_failures_are_forgotten(clock: Clock) -> None:
    breaker = breaker_of(clock)
    breaker.failed(is_probe=False)
    breaker.failed(is_probe=False)
    clock.advance(seconds=60)
    breaker.failed(is_probe=False)

    assert (breaker.is_open, breaker.capacity) == (False, 2)


def test_one_probe_at_a_time_and_each_wait_is_twice_the_one_before_up_to_the_longest(clock: Clock) -> None:
    breaker = opened(clock)
    waits = []
    for _ in range(4):
        waits.append(time_until_allowed(breaker, clock))
        assert breaker.begin()
        assert time_until_allowed(breaker, clock) is None, "the probe is on its way"
        breaker.failed(is_probe=True)

    assert waits == [SECOND, 2 * SECOND, 4 * SECOND, 4 * SECOND]


def test_a_probe_that_shows_nothing_leaves_its_place_to_the_next(clock: Clock) -> None:
    breaker = opened(clock)
    clock.advance(seconds=1)
    breaker.begin()

    breaker.leave()

    assert breaker.allows
    assert breaker.is_open


def test_a_probe_that_goes_well_closes_it_and_late_successes_do_not(clock: Clock) -> None:
    breaker = opened(clock)
    breaker.succeeded(is_probe=False)
    was_open = breaker.is_open
    clock.advance(seconds=1)
    breaker.succeeded(is_probe=breaker.begin())

    assert (was_open, breaker.is_open, breaker.allows, breaker.capacity) == (True, False, True, 3)


def test_the_other_side_may_ask_for_a_longer_wait_up_to_an_hour(clock: Clock) -> None:
    breaker = breaker_of(clock)
    for _ in range(3):
        breaker.failed(is_probe=False, retry_after=timedelta(days=1))

    assert breaker.next_probe == clock() + LONGEST_ASKED


def test_a_clock_that_was_set_back_does_not_prolong_the_pause(clock: Clock) -> None:
    breaker = opened(clock)

    clock.advance(seconds=-3600)

    assert breaker.allows
