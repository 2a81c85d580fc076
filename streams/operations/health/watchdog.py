"""Ends a worker that has work and makes no progress.

It ends the process, because a thread, a lock or a C library that hangs cannot be ended in any other way. Nothing is
lost: what was not committed is redelivered to this worker's successor or to another worker.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from streams.operations.health.checks import HealthCheck, HealthVerdict
from streams.operations.health.progress import WorkerProgress
from streams.operations.health.stacks import stacks

log = logging.getLogger(__name__)

NAME = "watchdog"
STUCK = 4
"""Exit code of a worker that its watchdog ended."""


def end_stuck() -> None:
    """Exit with `STUCK` at once: an orderly stop would wait for what hangs."""
    sys.stderr.flush()
    os._exit(STUCK)


class CpuLimit:
    """Ends a process in which not even the watchdog's thread can run: C code holds the GIL.

    Catastrophic backtracking in a regular expression does that for hours. The kernel counts the CPU time that
    the process uses between two looks of the watchdog, and ends the process when it reaches the limit of the watchdog.
    A stopped process uses none. Code that holds the GIL without using the CPU is not detected.
    """

    def __init__(self, limit_s: float) -> None:
        """`limit_s` of CPU time."""
        self._limit_s = limit_s

    def arm(self) -> None:
        """Start to count, and have the stacks of all threads written to stderr before the process ends."""
        # Without a file descriptor (some test runners) the process still ends, but without the stacks.
        with suppress(OSError, ValueError, AttributeError, RuntimeError):
            faulthandler.register(signal.SIGVTALRM, file=sys.stderr, all_threads=True, chain=True)
        self.put_off()

    def put_off(self) -> None:
        """Count from zero again."""
        signal.setitimer(signal.ITIMER_VIRTUAL, self._limit_s)

    def disarm(self) -> None:
        """Stop counting."""
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        faulthandler.unregister(signal.SIGVTALRM)


class Watchdog:
    """Checks a worker about once a second, in its own thread."""

    def __init__(
        self,
        progress: WorkerProgress,
        check: HealthCheck,
        end: Callable[[], None],
        *,
        limit_s: float,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """`end` ends the process, `loop` is the one whose tasks are logged, `limit_s` is the limit of `check`."""
        self._progress = progress
        self._check = check
        self._end = end
        self._loop = loop
        self._every_s = min(1.0, limit_s / 10)
        self._cpu_limit = CpuLimit(limit_s)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=NAME, daemon=True)

    def start(self) -> None:
        """Start to check."""
        self._cpu_limit.arm()
        self._thread.start()

    def stop(self) -> None:
        """Stop checking."""
        self._stopping.set()
        self._thread.join()
        self._cpu_limit.disarm()

    def look(self) -> bool:
        """Check once. Return whether the process had to be ended."""
        verdict = self._check.look()
        if verdict.stuck:
            self._log(verdict)
            self._end()
        return bool(verdict.stuck)

    def _log(self, verdict: HealthVerdict) -> None:
        works = {
            f"agent {part.name}": part.work for part in self._progress.parts.values() if part.work is not None
        }
        log.critical(
            "the watchdog ends this worker: %s; nothing is lost, what is not committed comes again",
            "; ".join(verdict.stuck),
            extra={"at": stacks(self._loop, works, besides=(NAME,))},
        )

    def _watch(self) -> None:
        while not self._stopping.wait(self._every_s):
            self._cpu_limit.put_off()
            try:
                if self.look():
                    return
            except Exception:
                # The watchdog must survive its own defects: nobody would notice its absence before it is needed.
                log.exception("the watchdog cannot judge the worker")
