"""Waits a bounded time for what an outside observer can see, and reports the last state."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

State = TypeVar("State")


def eventually(
    look: Callable[[], State], holds: Callable[[State], bool], *, within: float, every: float = 0.2
) -> State:
    """Look until the condition holds and return that state. Fail after `within` seconds with the last state."""
    deadline = time.monotonic() + within
    while True:
        state = look()
        if holds(state):
            return state
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:.0f} s; last seen: {state!r}")
        time.sleep(every)
