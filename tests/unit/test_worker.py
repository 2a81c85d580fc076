"""A worker's timers continue after a failure, and end with the worker."""

from __future__ import annotations

import asyncio

from streams.store.engine import StoreUnavailableError
from streams.worker import repeat


async def test_a_timer_goes_on_after_whatever_a_tick_raises_and_does_nothing_beside_a_stop() -> None:
    should_stop = asyncio.Event()
    raised = [StoreUnavailableError("away"), ValueError("a defect"), None]
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == len(raised):
            should_stop.set()
        elif ticks > len(raised) + 100:
            raise asyncio.CancelledError  # otherwise it ticks for ever
        if (error := raised[min(ticks, len(raised)) - 1]) is not None:
            raise error

    await repeat(tick, 0.001, should_stop)

    assert ticks == len(raised)
