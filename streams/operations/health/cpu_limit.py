"""This file ends a process in which not even the watchdog's thread can run: C code holds Python's global lock.

A regular expression over an unlucky text does that for hours. The kernel counts the CPU time that the process uses
between two looks of the watchdog, and ends the process when it was as much as the watchdog has patience. A process
that is stopped uses none. What holds the lock and uses no CPU is not seen.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
from contextlib import suppress


class LastResort:
    """A timer of the kernel that must be put off again and again."""

    def __init__(self, limit_s: float) -> None:
        """`limit_s` of CPU time."""
        self._limit_s = limit_s

    def arm(self) -> None:
        """Have the places of all threads written to stderr before the process is ended, and begin."""
        # Without a file descriptor (some test runners) the end is as sure, and silent.
        with suppress(OSError, ValueError, AttributeError, RuntimeError):
            faulthandler.register(signal.SIGVTALRM, file=sys.stderr, all_threads=True, chain=True)
        self.put_off()

    def put_off(self) -> None:
        """Begin to count anew."""
        signal.setitimer(signal.ITIMER_VIRTUAL, self._limit_s)

    def disarm(self) -> None:
        """Count no more."""
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        faulthandler.unregister(signal.SIGVTALRM)
