"""This file is the watchdog: a thread that ends a worker which has work and does not get on with it.

It ends the process and not the task: what hangs may be a thread, a lock or a C library, of which nothing is left
afterwards. That loses nothing. What was not committed comes again, to this worker's successor or to another worker.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

from streams.operations.health.checks import HealthCheck, HealthVerdict
from streams.operations.health.cpu_limit import LastResort
from streams.operations.health.progress import WorkerProgress
from streams.operations.health.stacks import stacks

log = logging.getLogger(__name__)

NAME = "watchdog"


class Watchdog:
    """Looks at a worker about once a second."""

    def __init__(
        self,
        progress: WorkerProgress,
        judge: HealthCheck,
        end: Callable[[], None],
        *,
        limit_s: float,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """`end` ends the process; `loop` is the one whose tasks are told, `limit_s` the judge's."""
        self._progress = progress
        self._judge = judge
        self._end = end
        self._loop = loop
        self._every_s = min(1.0, limit_s / 10)
        self._last_resort = LastResort(limit_s)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=NAME, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._last_resort.arm()
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._thread.join()
        self._last_resort.disarm()

    def look(self) -> bool:
        """Look once; says whether the end was called for."""
        verdict = self._judge.look()
        if verdict.stuck:
            self._tell(verdict)
            self._end()
        return bool(verdict.stuck)

    def _tell(self, verdict: HealthVerdict) -> None:
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
            self._last_resort.put_off()
            try:
                if self.look():
                    return
            except Exception:
                # A watchdog that died of its own defect would be missed only when it is needed.
                log.exception("the watchdog cannot judge the worker")
