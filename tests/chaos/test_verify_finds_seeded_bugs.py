"""This file plants bugs that reach the data, lets a worker die with them, and wants a counter-example of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.servers import Broker
from tests.sabotage.running import copy_to, sabotage_in
from tests.sabotage.sabotages import SABOTAGES

KINDS = ("lost", "doubled", "torn", "altered", "out_of_place", "stuck")
REACH_THE_DATA = (
    "outcome not written",
    "acknowledge before the work",
    "poison acknowledged without a letter",
    "ids not derived",
)


def left_behind(kafka: str, folder: Path) -> tuple[int, str]:
    """Exit code and document of `leads verify` after a run in this copy of the repository."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADS_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.sabotage.left_behind", kafka],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    return done.returncode, done.stdout or done.stderr


@pytest.mark.timeout(160)
def test_without_a_bug_a_killed_worker_leaves_nothing_to_find(broker: Broker, tmp_path: Path) -> None:
    copy_to(tmp_path)

    code, told = left_behind(broker.direct, tmp_path)

    assert code == 0, told


@pytest.mark.timeout(160)
@pytest.mark.parametrize("name", REACH_THE_DATA)
def test_a_seeded_bug_leaves_a_counter_example(
    broker: Broker, tmp_path: Path, tell: Callable[[str], None], name: str
) -> None:
    copy_to(tmp_path)
    sabotage_in(tmp_path, next(each for each in SABOTAGES if each.name == name))

    code, told = left_behind(broker.direct, tmp_path)

    assert code == 5, told
    document = json.loads(told)
    for kind in KINDS:
        for finding in document[kind][:1]:
            tell(f"{kind}: {json.dumps(finding)}")
