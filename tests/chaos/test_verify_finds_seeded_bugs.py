"""Plant each bug that reaches the data, and require a finding of `leads verify` on what real workers leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.servers import Broker
from tests.sabotage.reach import REACHES
from tests.sabotage.running import copy_to, sabotage_in
from tests.sabotage.sabotages import SABOTAGES
from tests.sabotage.scenarios import SCENARIOS

CLEAN, FOUND = 0, 5


def left_behind(kafka: str, folder: Path, scenario: str) -> tuple[int, str]:
    """Exit code and document of `leads verify` after a scenario in this copy of the repository."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADS_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.sabotage.left_behind", kafka, scenario],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    return done.returncode, done.stdout or done.stderr


@pytest.mark.timeout(210)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_without_a_bug_a_scenario_leaves_nothing_to_find(
    broker: Broker, tmp_path: Path, scenario: str
) -> None:
    copy_to(tmp_path)

    code, output = left_behind(broker.direct, tmp_path, scenario)

    assert code == CLEAN, output


@pytest.mark.timeout(210)
@pytest.mark.parametrize("name", REACHES)
def test_a_seeded_bug_leaves_a_counter_example(
    broker: Broker, tmp_path: Path, result: Callable[[str], None], name: str
) -> None:
    copy_to(tmp_path)
    sabotage_in(tmp_path, next(each for each in SABOTAGES if each.name == name))

    code, output = left_behind(broker.direct, tmp_path, REACHES[name])

    assert code == FOUND, output
    document = json.loads(output)
    result("; ".join(f"{each['kind']}: {each['what']} ({each['count']})" for each in document["found"]))
