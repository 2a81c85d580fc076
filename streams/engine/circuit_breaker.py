"""A circuit breaker: stops calls to what fails too often, then probes it with one execution at a time."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from streams.clock import Clock

LONGEST_ASKED = timedelta(hours=1)
"""Longest Retry-After of the other side that is respected."""


class CircuitBreaker:
    """Opens after `max_failures` failures within a time, and closes when a probe succeeds.

    It holds no task and no timer: the caller checks `allows`, calls `begin`, executes, and reports how it went.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        max_failures: int,
        within: timedelta,
        probe_after: timedelta,
        probe_at_most: timedelta,
        in_a_row: bool,
    ) -> None:
        """With `in_a_row`, a success resets the count of failures; otherwise all failures within the time count."""
        self._clock = clock
        self._max_failures = max_failures
        self._within = within
        self._first, self._longest = probe_after, probe_at_most
        self._in_a_row = in_a_row
        self._failures: deque[datetime] = deque()
        self._wait = probe_after
        self._tried_at = clock()
        self._is_probing = False
        self.opened_at: datetime | None = None
        self.next_probe: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether executions are held back."""
        return self.opened_at is not None

    @property
    def allows(self) -> bool:
        """Whether an execution may start now: any while it is closed, one at a time when a probe is due."""
        if self.next_probe is None:
            return True
        # A clock that was set back must not prolong the pause.
        is_early = self._tried_at <= self._clock() < self.next_probe
        return not self._is_probing and not is_early

    @property
    def capacity(self) -> int:
        """How many more failures open it."""
        self._forget_old(self._clock())
        return max(self._max_failures - len(self._failures), 0)

    def begin(self) -> bool:
        """Start an allowed execution; return whether it is the probe."""
        self._is_probing = self.is_open
        return self._is_probing

    def leave(self) -> None:
        """Note that the probe showed nothing about the other side, so the next execution is the probe."""
        self._is_probing = False

    def succeeded(self, *, is_probe: bool) -> None:
        """Note a success. Successes of executions that started before it opened do not close it."""
        if is_probe:
            self.opened_at = self.next_probe = None
            self._is_probing = False
        if self._in_a_row and not self.is_open:
            self._failures.clear()

    def failed(self, *, is_probe: bool, retry_after: timedelta | None = None) -> None:
        """Note a failure that the other side caused."""
        now = self._clock()
        self._failures.append(now)
        self._forget_old(now)
        if is_probe:
            self._wait = min(self._wait * 2, self._longest)
            self._is_probing = False
        elif self.is_open or len(self._failures) < self._max_failures:
            return
        else:
            self.opened_at, self._wait = now, self._first
        self._tried_at = now
        self.next_probe = now + max(self._wait, min(retry_after or timedelta(), LONGEST_ASKED))

    def _forget_old(self, now: datetime) -> None:
        while self._failures and not now - self._within < self._failures[0] <= now:
            self._failures.popleft()
