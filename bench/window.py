"""Measure the CPU time of a contender's process from the moment it is under way."""

from __future__ import annotations

import resource
import time


def cpu_s() -> float:
    """User and system time of this process, in seconds, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Window:
    """Measures from the first tenth of the events to the last, so that nobody pays for its start."""

    def __init__(self, expected: int) -> None:
        """Take the number of events that will be settled."""
        self._expected = expected
        self._settled = 0
        self._begun: tuple[int, float, float] | None = None

    def settled(self, number: int) -> None:
        """So many more are published, and acknowledged where the contender waits for that."""
        self._settled += number
        if self._begun is None and self._settled * 10 >= self._expected:
            self._begun = self._settled, cpu_s(), time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether all are settled."""
        return self._settled >= self._expected

    def close(self) -> dict[str, float]:
        """Return microseconds of CPU per event, events per second, and the whole CPU time of the process."""
        if self._begun is None or not self.is_over:
            raise RuntimeError(
                f"{self._settled} of {self._expected} events are settled; there is nothing to measure"
            )
        before, cpu, wall = self._begun
        events = self._settled - before
        return {
            "cpu_us_per_event": (cpu_s() - cpu) / events * 1e6,
            "events_per_s": events / (time.monotonic() - wall),
            "process_cpu_s": cpu_s(),
        }
