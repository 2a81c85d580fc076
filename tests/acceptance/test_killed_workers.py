"""Kills workers with SIGKILL at random moments and lets `leads verify` judge what became of the leads.

Every test run has this chaos scenario; tests/chaos/figures.py sets the number of kills.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from random import Random

import pytest

from tests.acceptance.judging import judged
from tests.acceptance.making import Mixture, mixture
from tests.acceptance.processes import Process
from tests.acceptance.stage import LANES, Stage
from tests.acceptance.waiting import eventually
from tests.chaos.figures import IS_SMALL, SEED, figure, seeded, time_limit

KILLS = figure(5, 50, 1_000)
LEADS = 500 + KILLS * 200
STARTS_WITHIN_S = 40.0
ANSWER_S = 0.05
SETTLES_WITHIN_S = 60.0 if IS_SMALL else 180.0


@dataclass
class Killer:
    """Publishes in slices, so that there is work at every moment, and kills one worker per slice."""

    stage: Stage
    random: Random
    kills: list[str] = field(default_factory=list)
    """One line for each kill: after how long, with how many workers, and whether the victim was at work."""

    def keep_running(self, number: int) -> None:
        while len(self.stage.running) < number:
            self.stage.start_worker()

    def settled(self) -> int:
        return self.stage.count("SELECT count(*) FROM ledger")

    def kill_one(self, workers: int) -> None:
        # One in five is killed in any state: starting, joining the group, idle. The others are killed at work.
        is_anywhere = self.random.random() < 0.2
        if not is_anywhere:
            before = self.settled()
            eventually(self.settled, lambda now: now > before, within=STARTS_WITHIN_S, every=0.02)
        wait = self.random.uniform(0.0, 4.0 if is_anywhere else 2.5)  # offsets are committed every second
        time.sleep(wait)
        victim: Process = self.random.choice(self.stage.running)
        victim.kill()
        self.kills.append(f"{wait:.2f} s, {workers} running, {'anywhere' if is_anywhere else 'at work'}")


def run(stage: Stage, made: Mixture, random: Random) -> Killer:
    killer = Killer(stage, random)
    # A third at once, so that a backlog is at work when offsets are committed; the rest comes kill by kill.
    begun = len(made.records) // 3
    stage.publish(made.records[:begun])
    size = (len(made.records) - begun) // (KILLS + 1)
    for round_number in range(KILLS):
        stage.publish(made.records[begun + round_number * size : begun + (round_number + 1) * size])
        workers = 1 if round_number < KILLS // 2 else 2
        killer.keep_running(workers)
        killer.kill_one(workers)
    stage.publish(made.records[begun + KILLS * size :])
    killer.keep_running(1)
    return killer


@pytest.mark.long_on("sqlite")
@pytest.mark.timeout(time_limit(190, 25, KILLS))
def test_workers_killed_at_random_moments_lose_nothing_and_do_nothing_twice(any_stage: Stage) -> None:
    stage, random = any_stage, seeded("kills")
    made = mixture(LEADS, random)
    # Slow servers make batches last, so that kills and offset commits happen in the middle of them.
    stage.mails.delay_s = stage.webhooks.delay_s = ANSWER_S
    stage.open()

    killer = run(stage, made, random)
    stage.settle(within=SETTLES_WITHIN_S)

    verdict = judged(stage, made, {"seed": SEED, "kills": killer.kills})
    print(f"seed {SEED}: {KILLS} kills, {len(made.records)} leads, {len(verdict['uncertain'])} uncertain")  # noqa: T201
    # No worker leaves more intents than calls it had open.
    left = stage.sql("SELECT worker, count(*) FROM effects WHERE status = 1 GROUP BY worker")
    assert max((number for _, number in left), default=0) <= LANES
    assert len(verdict["repeated_webhooks"]) <= LANES * KILLS
