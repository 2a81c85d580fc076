"""This file says how fast a replay job goes: its options, its progress, and how many letters more may be asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.dead_letters.plan_item import Stale
from streams.store.jobs import JobStatus


@dataclass(frozen=True, slots=True)
class Options:
    """How a job goes about it."""

    rate: float = 100.0
    """Letters a second, at most."""
    max_in_flight: int = 200
    """Letters asked for whose outcome is not known."""
    canary: tuple[int, ...] = (1, 10, 100)
    """Sizes of the first steps: each waits for all its outcomes."""
    stop_if_fail: float = 5.0
    """Per cent of the letters with an outcome; beyond that the job stops."""
    yield_to_lag: int | None = 1000
    """Waits while live traffic is so far behind; None: never."""
    stale: Stale | None = None
    """What is done about events that are too old for their action; None: as the action declares."""
    is_forced: bool = False
    """Asks, too, for letters of which the plan says that they would fail again, or that nothing has changed."""

    def as_data(self) -> dict[str, Any]:
        """Give them as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_data(cls, found: dict[str, Any]) -> Options:
        """Read `as_data` back."""
        return cls(**{**found, "canary": tuple(found["canary"])})


@dataclass(slots=True)
class JobProgress:
    """How far a job is."""

    status: JobStatus
    total: int
    counts: dict[str, int]
    """Letters by state."""
    waits_for: str | None = None
    message: str | None = None

    @property
    def ended(self) -> int:
        """Letters of which the outcome is known, or that were left out."""
        return self.total - self.counts.get("waiting", 0) - self.counts.get("asked", 0)


def capacity(options: Options, done: Mapping[str, int], in_flight: int) -> int:
    """Give how many letters more may be in flight; `done` counts by state since this process began."""
    free = options.max_in_flight - in_flight
    ended = _with_outcome(done)
    step_end = 0
    for size in options.canary:
        step_end += size
        if ended < step_end:
            return min(free, step_end - ended - in_flight)
    return free


def over_failure_limit(options: Options, done: Mapping[str, int]) -> str | None:
    """Say that more have failed than may; None: no."""
    failed, ended = done.get("failed", 0), _with_outcome(done)
    if failed == 0 or failed * 100 <= options.stop_if_fail * ended:
        return None
    return f"{failed} of {ended} failed, more than {options.stop_if_fail:g} %"


def _with_outcome(done: Mapping[str, int]) -> int:
    return sum(done.get(state, 0) for state in ("resolved", "noop", "failed"))


@dataclass(slots=True)
class TokenBucket:
    """Letters that the rate allows now, in portions of a fifth of a second.

    What was not used while the job waited is not made up for in one burst; and a portion costs the store about as much
    as one letter does.
    """

    rate: float
    """Letters a second."""
    _at: float | None = field(default=None, init=False)
    _left: float = field(default=math.inf, init=False)

    def now(self, moment: float) -> int:
        """Give how many letters may be asked for at this moment (seconds)."""
        portion = max(self.rate / 5, 1.0)
        before = moment if self._at is None else self._at
        self._left = min(self._left + (moment - before) * self.rate, portion)
        self._at = moment
        return int(self._left) if self._left >= portion else 0

    def use(self, letters: int) -> None:
        """Say that so many were asked for."""
        self._left -= letters
