"""This file kills workers with SIGKILL at random moments and lets the outside checker say what became of the leads.

LEADS_CHAOS=full runs 5,000 leads and 20 kills per database; LEADS_CHAOS_SEED repeats a run's choices.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from random import Random

import pytest

from tests.integration.acceptance.making import Mixture, mixture
from tests.integration.acceptance.processes import Process
from tests.integration.acceptance.stage import LANES, Stage
from tests.integration.acceptance.waiting import eventually

IS_FULL = os.environ.get("LEADS_CHAOS") == "full"
LEADS, KILLS = (5_000, 20) if IS_FULL else (1_500, 5)
STARTS_WITHIN_S = 40.0
ANSWER_S = 0.05
SETTLES_WITHIN_S = 180.0 if IS_FULL else 60.0


@dataclass
class Killer:
    """Publishes in slices, so that there is work at every moment, and kills one worker per slice."""

    stage: Stage
    random: Random
    kills: list[str] = field(default_factory=list)
    """What each was: after how long, with how many workers, and whether it was at work."""

    def keep_running(self, number: int) -> None:
        while len(self.stage.running) < number:
            self.stage.start_worker()

    def settled(self) -> int:
        return self.stage.count("SELECT count(*) FROM ledger")

    def kill_one(self, workers: int) -> None:
        # One in five dies wherever it is: starting, joining the group, idle. The others die at work.
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


@pytest.mark.timeout(1200 if IS_FULL else 240)
def test_workers_killed_at_random_moments_lose_nothing_and_do_nothing_twice(any_stage: Stage) -> None:
    seed = int(os.environ.get("LEADS_CHAOS_SEED", "0")) or time.time_ns() % 1_000_000
    stage, random = any_stage, Random(seed)
    made = mixture(LEADS, random)
    # As slow as such servers are: batches last, so that workers die, and offsets are committed, in the midst of them.
    stage.mails.delay_s = stage.webhooks.delay_s = ANSWER_S
    stage.open()

    killer = run(stage, made, random)
    stage.settle(within=SETTLES_WITHIN_S)

    verdict = stage.check()
    told = json.dumps({"seed": seed, "kills": killer.kills, **verdict}, indent=2)
    (stage.folder / "verdict.json").write_text(told)
    print(told)  # noqa: T201 - pytest shows it when the test fails, and the figures with -s
    assert [verdict[kind] for kind in ("lost", "doubled", "torn", "altered")] == [[], [], [], []], told
    fates = verdict["counts"]["fates"]
    assert sum(fates.values()) == len(made.records)
    assert fates.keys() <= {"onboarded", "rejected", "letter", "repetition"}
    assert (fates["rejected"], fates["repetition"]) == (made.rejected, made.repetitions)
    assert verdict["counts"]["contacts"] == len(made.emails) + len(made.phones)
    uncertain = len(verdict["uncertain"])
    # No worker leaves more than it had on the wire.
    left = stage.sql("SELECT worker, count(*) FROM effects WHERE status = 1 GROUP BY worker")
    assert max((number for _, number in left), default=0) <= LANES
    assert fates["letter"] == made.poison + uncertain
    # Each person has their mail, but for those that nobody can vouch for.
    missing = [each for each in verdict["uncertain"] if not each["is_at_mail_server"]]
    assert verdict["counts"]["mails"] == len(made.emails) - len(missing)
    assert len(verdict["repeated_webhooks"]) <= LANES * KILLS
