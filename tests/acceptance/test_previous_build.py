"""Upgrades without standstill: a worker of the previous build and one of this build share a group."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.acceptance.judging import judged
from tests.acceptance.making import mixture
from tests.acceptance.stage import Stage
from tests.acceptance.waiting import eventually
from tests.support.previous_build import unpack

PREVIOUS = "93a7ad1"
"""The commit whose workers are running when this build is deployed: 0.2.0."""
LEADS = 600


def test_a_worker_of_the_previous_build_and_one_of_this_build_share_the_work(
    stage: Stage, tmp_path: Path
) -> None:
    stage.open()
    made = mixture(LEADS, Random(14))
    older = stage.start_as("streams.interfaces.cli.main", build=unpack(PREVIOUS, tmp_path))
    eventually(stage.members, lambda members: members == 1, within=30)
    stage.publish(made.records[: LEADS // 3])
    newer = stage.start_worker()
    eventually(stage.members, lambda members: members == 2, within=30)
    stage.publish(made.records[LEADS // 3 :])
    stage.settle(within=60)

    judged(stage, made, {"previous": PREVIOUS})
    assert older.is_running
    assert newer.is_running
    assert stage.count("SELECT count(DISTINCT worker) FROM effects") == 2
