"""A worker that died passes no further point."""

from __future__ import annotations

import pytest

from streams.testing.life import CrashError, Life


def test_a_life_ends_at_its_point_and_stays_over() -> None:
    ends: list[str] = []
    life = Life(ends_at=2, on_end=lambda: ends.append("end"))

    life.passes("first")
    with pytest.raises(CrashError, match="second"):
        life.passes("second")
    with pytest.raises(CrashError, match="the worker is dead"):
        life.passes("third")

    assert (life.points, ends) == (["first", "second"], ["end"])


def test_a_life_without_end_only_notes_its_points() -> None:
    life = Life()

    for point in "abc":
        life.passes(point)
        life.check()

    assert (life.points, life.is_over) == (["a", "b", "c"], False)


def test_no_handler_of_exceptions_keeps_a_dead_worker_going() -> None:
    assert not issubclass(CrashError, Exception)
