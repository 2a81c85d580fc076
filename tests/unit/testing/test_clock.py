"""Time in tests."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from streams.testing import Clock
from streams.testing.clock import run


def test_a_clock_moves_only_on_demand() -> None:
    clock = Clock()
    began = clock()

    clock.advance(minutes=2, seconds=3)

    assert (clock() - began, clock()) == (timedelta(minutes=2, seconds=3), clock.moment)


def test_sleeps_take_no_time_and_keep_their_order() -> None:
    ended: list[int] = []

    async def sleeper(seconds: int) -> None:
        await asyncio.sleep(seconds)
        ended.append(seconds)

    async def all_of_them() -> float:
        await asyncio.gather(*map(sleeper, (3600, 60, 600)))
        return asyncio.get_running_loop().time()

    began = time.process_time()
    skipped = run(all_of_them())

    assert ended == [60, 600, 3600]
    assert skipped >= 3600
    assert time.process_time() - began < 5


async def test_it_runs_inside_a_running_loop_too() -> None:
    async def answer() -> int:
        await asyncio.sleep(60)
        return 42

    assert run(answer()) == 42
