"""This file lets one worker work, die and be replaced, and prints what `leads verify` says of what is left.

`python -m tests.sabotage.left_behind HOST:PORT` is run in a copy of the repository that has a sabotage in it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.integration.acceptance.making import Mixture, mixture
from tests.integration.acceptance.processes import REPOSITORY, clean_environment
from tests.integration.acceptance.stage import Stage
from tests.integration.acceptance.waiting import eventually

LEADS = 300
ANSWER_S = 0.5
"""Of mail server and webhook: a worker dies in the midst of calls."""
COMMITS_WITHIN_S = 1.3
"""Offsets are committed every second: what was acknowledged too early is so for good."""


def work_die_and_work_again(stage: Stage, made: Mixture) -> None:
    """Kill a worker in the midst of its work, and let another one end it, as far as it comes."""
    stage.mails.delay_s = stage.webhooks.delay_s = ANSWER_S
    stage.open()
    stage.publish(made.records)
    first = stage.start_worker()
    eventually(lambda: stage.count("SELECT count(*) FROM effects"), bool, within=30, every=0.05)
    time.sleep(COMMITS_WITHIN_S)
    first.kill()
    second = stage.start_worker()
    try:
        stage.settle(within=40)
    except AssertionError:
        sys.stderr.write("the group did not settle everything\n")
    second.close()


def main(kafka: str) -> int:
    """Give the exit code of `leads verify`; what it printed goes to stdout."""
    with tempfile.TemporaryDirectory(prefix="leads-left-behind-") as name:
        stage = Stage(kafka, f"sqlite:///{Path(name) / 'leads.db'}", Path(name))
        try:
            work_die_and_work_again(stage, mixture(LEADS, Random(7)))
            return subprocess.run(
                [sys.executable, "-m", "streams.cli.main", "verify", "--json", "--limit", "3"],
                cwd=REPOSITORY,
                env={**clean_environment(), **stage.environment},
                check=False,
                timeout=60,
            ).returncode
        finally:
            stage.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
