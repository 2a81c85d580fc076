"""Provides a clock that moves on demand, and an event loop whose waits take no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from streams.testing.life import CrashError

T = TypeVar("T")


@dataclass
class Clock:
    """A clock that moves when told. Called, it gives its aware moment."""

    moment: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the current moment."""
        return self.moment

    def advance(self, **by: float) -> None:
        """Advance the clock by the arguments of `timedelta`: `advance(minutes=2)`."""
        self.moment += timedelta(**by)


class _NoWait(selectors.DefaultSelector):
    """Skips a wait when nothing is ready, and sums up the seconds skipped."""

    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See `selectors.BaseSelector.select`; only a wait without a timeout really waits."""
        if timeout is None:
            return super().select(None)
        found = super().select(0)
        if not found:
            self.skipped_s += max(timeout, 0)
        return found


class TimelessLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps over every sleep: what waits a minute between two attempts is tested at once.

    The order of what happens is that of the waits, the same in every run. Not for code that waits for a thread or a
    socket with a timeout: the timeout would be over at once.
    """

    def __init__(self) -> None:
        """Start with no seconds skipped."""
        self._jumps = _NoWait()
        super().__init__(self._jumps)

    def time(self) -> float:
        """Seconds that were skipped."""
        return self._jumps.skipped_s

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Ignore errors of tasks of a worker that died: no code is left that awaits them."""
        if not isinstance(context.get("exception"), CrashError):
            super().call_exception_handler(context)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end in a timeless loop of its own, also when called from inside a running loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(coroutine)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_run, coroutine).result()


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=TimelessLoop) as runner:
        return runner.run(coroutine)
