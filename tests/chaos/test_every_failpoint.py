"""End workers at every failpoint, and let them fail or stall there, under load."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from random import Random

import pytest

from streams.failpoints import POINTS
from tests.acceptance.processes import Process
from tests.acceptance.stage import LANES
from tests.acceptance.waiting import eventually
from tests.chaos.figures import IS_SMALL, SEED, databases, figure, seeded, time_limit
from tests.chaos.rig import Rig

SEEDS = figure(1, 3, 10)
"""Times that a worker is killed at each point, each time at another moment."""
SMALL = 4
"""Points of the small run."""
REACHED_WITHIN_S = 60.0
AT_WORK_S = 6.0
PER_SECOND = 40.0
MAX_HITS = {"call": 60, "mail": 60, "webhook": 60, "store": 40, "publish": 12, "settle": 12, "offsets": 3}
"""At which reaching at most, by the point's first word: after a second or two of work."""


def rounds(random: Random) -> list[tuple[str, bool]]:
    """Which point it is each time, and whether another worker is there."""
    points = random.sample(sorted(POINTS), SMALL) if IS_SMALL else sorted(POINTS)
    return [(point, number == SEEDS - 1) for number in range(SEEDS) for point in points]


def nth(random: Random, point: str) -> int:
    return random.randint(1, MAX_HITS[point.partition(".")[0]])


def armed(rig: Rig, text: str) -> Process:
    """Start a worker with these failpoints; those after it have none."""
    rig.through["LEADS_FAILPOINT"] = text
    worker = rig.start_worker()
    del rig.through["LEADS_FAILPOINT"]
    return worker


def killed_at(rig: Rig, random: Random, point: str) -> str:
    text = f"{point}:{nth(random, point)}:kill"
    worker = armed(rig, text)
    eventually(lambda: worker.is_running, lambda running: not running, within=REACHED_WITHIN_S, every=0.05)
    assert worker.wait(within=1) == -signal.SIGKILL, f"{text}: it ended another way\n{worker.tail()}"
    return text


def worked_through(rig: Rig, text: str) -> str:
    """Let a worker meet all these failpoints; it goes on, and stops in order when asked to."""
    worker = armed(rig, text)
    before = rig.count("SELECT count(*) FROM ledger")
    eventually(
        lambda: rig.count("SELECT count(*) FROM ledger"),
        lambda now: now > before,
        within=REACHED_WITHIN_S,
    )
    time.sleep(AT_WORK_S)
    assert worker.is_running, f"{text}: it ended\n{worker.tail()}"
    code, _ = worker.terminate(within=20)
    assert code == 0, f"{text}: exit code {code}\n{worker.tail()}"
    return text


@pytest.mark.timeout(time_limit(250, 16, SEEDS * (SMALL if IS_SMALL else len(POINTS))))
@pytest.mark.parametrize("database", databases("sqlite"), indirect=True)
def test_a_worker_that_ends_at_any_failpoint_leaves_nothing_lost_duplicated_or_inconsistent(
    rig: Rig, result: Callable[[str], None]
) -> None:
    random = seeded("failpoints")
    plan = rounds(random)
    rig.begin(random, workers=1, records=400 + len(plan) * 300, per_second=PER_SECOND)
    code, _ = rig.running[0].terminate(within=15)
    assert code == 0
    met: list[str] = []
    for number, (point, is_accompanied) in enumerate(plan):
        if is_accompanied and not rig.running:
            rig.start_worker()
        met.append(killed_at(rig, random, point))
        rig.tell(f"{met[-1]} ({number + 1}/{len(plan)})")
    for action in ("raise", "delay=0.7"):
        met.append(
            worked_through(
                rig, ",".join(f"{point}:{nth(random, point)}:{action}" for point in sorted(POINTS))
            )
        )
        rig.tell(f"every point: {action}")
    if not rig.running:
        rig.start_worker()

    verdict = rig.end({"seed": SEED, "failpoints": met})

    uncertain = len(verdict["uncertain"])
    assert uncertain <= LANES * len(met)
    result(
        f"{len(plan)} kills, {SEEDS} at each of {len({point for point, _ in plan})} points, every point failing "
        f"and stalling once, {len(rig.made.records)} leads: 0 lost, 0 duplicated, 0 inconsistent, {uncertain} uncertain"
    )
