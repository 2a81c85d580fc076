"""Measure side by side, print a table and write JSON: `python -m bench`.

Exit codes: see `on_a_broker`; 0 whether targets are met or not.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from bench.cluster import Cluster
from bench.installation import CALLS
from bench.machine import facts
from bench.measure_onboarding import P3, P3_PREVIOUS, OnboardingRuns
from bench.measure_passing import P1, P1_PREVIOUS, P2, PassingRuns
from bench.measure_replaying import ALONE, CANARY, P18, P18_UNYIELDING, PACES, ReplayingRuns
from bench.processes import PREVIOUS
from bench.progress import Progress
from bench.report import print_report
from bench.rounds import Rounds, Target
from bench.running import on_a_broker

MIN_COUNT = 10
MIN_LETTERS = 2 * CANARY
NAIVE_SHARE = 5
"""The naive loop gets one lead in so many: it takes its time, and its rate falls as tables grow."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for; gives the exit code."""
    given = _arguments(arguments)
    progress = Progress()

    def work(cluster: Cluster, folder: Path) -> None:
        _measure(given, cluster, folder, progress)

    return on_a_broker(work, progress)


def _measure(given: argparse.Namespace, cluster: Cluster, folder: Path, progress: Progress) -> None:
    machine = facts(cluster.version())
    run_id = f"bench.{int(time.time())}"
    measured: list[tuple[Target, Rounds]] = []
    previous = () if given.previous is None else (PREVIOUS,)
    passing = [target for target in (P1, P2) if target.id in given.only]
    if passing:
        runs = PassingRuns(cluster, folder, run_id, given.events, progress, given.previous)
        runs.fill()
        contenders = [
            "engine",
            *(("plain",) if P1 in passing else ()),
            *(("stock",) if P2 in passing else ()),
            *previous,
        ]
        rounds = Rounds()
        rounds.play(contenders, given.rounds, runs.run)
        measured += [(target, rounds) for target in passing]
        measured += [(P1_PREVIOUS, rounds)] if previous else []
    if P3.id in given.only:
        counts = {
            "worker": given.leads,
            PREVIOUS: given.leads,
            "naive": max(given.leads // NAIVE_SHARE, MIN_COUNT),
        }
        onboarding = OnboardingRuns(cluster, folder, run_id, counts, progress, given.previous)
        rounds = Rounds()
        rounds.play(["worker", "naive", *previous], given.rounds, onboarding.run)
        measured.append((P3, rounds))
        measured += [(P3_PREVIOUS, rounds)] if previous else []
    if P18.id in given.only:
        replaying = ReplayingRuns(cluster, folder, run_id, given.live, given.letters // CALLS, progress)
        rounds = Rounds()
        rounds.play([ALONE, *PACES], given.rounds, replaying.run)
        measured += [(P18, rounds), (P18_UNYIELDING, rounds)]
    results = [rounds.result(target) for target, rounds in measured]
    machine["load_after"] = os.getloadavg()[0]
    print_report(machine, measured, results)
    if given.json is not None:
        contenders_by_id = {target.id: rounds.figures for target, rounds in measured}
        document = {"machine": machine, "results": results, "contenders": contenders_by_id}
        given.json.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        progress.say(f"written to {given.json}")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the engine against plain aiokafka, stock Faust, a naive loop, and itself beside a replay "
        "job, side by side. "
        "The broker is that of LEADS_KAFKA, else a local one that is started.",
    )
    parser.add_argument("--events", type=int, default=100_000, help="events of P1 and P2 (%(default)s)")
    parser.add_argument(
        "--leads", type=int, default=17_000, help="leads of P3, six executions each (%(default)s)"
    )
    parser.add_argument("--live", type=int, default=8_000, help="live leads of P18 (%(default)s)")
    parser.add_argument(
        "--letters",
        type=int,
        help="dead letters of P18, two to a lead; the job asks for 100 a second and is to outlast the live leads "
        "(half as many as --live)",
    )
    parser.add_argument("--rounds", type=int, default=3, help="of every contender (%(default)s)")
    parser.add_argument("--only", default="p1,p2,p3,p18", help="which to measure (%(default)s)")
    parser.add_argument(
        "--previous",
        type=Path,
        metavar="FOLDER",
        help="checkout of another build of this software, measured as one more contender of P1 and P3",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured there")
    given = parser.parse_args(arguments)
    given.only = {name.strip().upper() for name in given.only.split(",")}
    if unknown := given.only - {target.id for target in (P1, P2, P3, P18)}:
        parser.error(f"--only: {min(unknown)} is not measured here; write p1, p2, p3, p18 or some of them")
    if min(given.events, given.leads, given.live) < MIN_COUNT or given.rounds < 1:
        parser.error(f"--events, --leads and --live must be at least {MIN_COUNT}, --rounds at least 1")
    given.letters = max(given.live // 2, MIN_LETTERS) if given.letters is None else given.letters
    if given.letters < MIN_LETTERS:
        parser.error(f"--letters must be at least {MIN_LETTERS}: the first {CANARY} are the job's canary")
    return given


if __name__ == "__main__":
    sys.exit(main())
