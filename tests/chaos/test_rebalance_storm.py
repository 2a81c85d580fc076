"""Let workers join and leave every few seconds, in order and by `kill -9`, while leads come in."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from tests.acceptance.processes import Process
from tests.acceptance.stage import LANES
from tests.chaos.figures import SEED, databases, figure, seeded, time_limit
from tests.chaos.rig import Rig

CHANGES = figure(4, 30, 500)
RECORDS = 200 + CHANGES * 280
EVERY_S = (2.0, 5.0)
MIN_WORKERS, MAX_WORKERS = 1, 4


@pytest.mark.timeout(time_limit(200, 15, CHANGES))
@pytest.mark.parametrize("database", databases("sqlite"), indirect=True)
def test_workers_that_join_and_leave_all_the_time_lose_and_double_nothing(
    rig: Rig, result: Callable[[str], None]
) -> None:
    random = seeded("storm")
    rig.begin(random, workers=3, records=RECORDS)
    kills = 0
    left: list[Process] = []
    for number in range(CHANGES):
        time.sleep(random.uniform(*EVERY_S))
        running = [worker for worker in rig.running if worker not in left]
        is_joining = len(running) <= MIN_WORKERS or (len(running) < MAX_WORKERS and random.random() < 0.5)
        if is_joining:
            rig.start_worker()
        else:
            victim = random.choice(running)
            is_kill = random.random() < 0.25
            kills += is_kill
            victim.send(signal.SIGKILL if is_kill else signal.SIGTERM)
            left.append(victim)
        rig.tell(f"{number + 1}/{CHANGES}: {'one joins' if is_joining else 'one leaves'} {len(running)}")
    for _ in range(3 - sum(worker not in left for worker in rig.running)):
        rig.start_worker()
    rig.recovered(time.monotonic(), "the storm is over")

    verdict = rig.end({"seed": SEED, "kills": kills})

    uncertain = len(verdict["uncertain"])
    assert uncertain <= LANES * kills
    result(
        f"{CHANGES} joins and leaves ({kills} by kill -9), {len(rig.made.records)} leads, 0 lost, 0 duplicated, "
        f"0 inconsistent, {uncertain} uncertain; a new lead was through {rig.recoveries[-1]:.1f} s after the storm"
    )
