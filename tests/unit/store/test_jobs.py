"""Test that a letter has at most one job, and a job at most one process."""

from __future__ import annotations

from datetime import timedelta

import pytest

from streams.dead_letters.job_control import JobError, control, resume
from streams.operations.pruning import Pruner
from streams.store import jobs
from tests.support.replay_harness import ReplayHarness


async def test_a_letter_belongs_to_one_job_at_a_time(replays: ReplayHarness) -> None:
    await replays.fail_mails(2)
    plan = replays.plan()
    first = await replays.create(plan)

    second = await replays.create(plan)
    states = [item.state for item in replays.items(second)]
    await replays.run(first)

    assert states == ["skipped", "skipped"]
    assert len(replays.world.mails) == 2
    assert {row.job for row in replays.rows([item.id for item in plan.items])} == {None}


async def test_a_cancelled_job_releases_its_letters(replays: ReplayHarness) -> None:
    await replays.fail_mails(2)
    job = await replays.create(replays.plan())
    row = replays.latest()

    await control(replays.commands, row, "cancelled", "not now")
    ended = await replays.run(job)

    assert (ended.status, ended.counts, replays.world.mails) == ("cancelled", {"skipped": 2}, [])
    assert {row.job for row in replays.rows()} == {None}


async def test_an_old_job_is_pruned_and_releases_its_letters(replays: ReplayHarness) -> None:
    await replays.fail_mails(2)
    job = await replays.create(replays.plan())
    await control(replays.commands, replays.latest(), "paused", "and forgotten")
    cluster = replays.cluster
    cluster.clock.advance(days=36)
    await replays.commands.keep([row.letter.id for row in replays.rows()], "the letters are not")

    await Pruner(cluster.installation, timedelta(days=35)).tick()

    assert cluster.database.transact(lambda link: jobs.latest(link, 1)) == []
    assert replays.items(job) == []
    assert [(row.status, row.job) for row in replays.rows()] == [("scheduled", None)] * 2


async def test_only_one_of_two_processes_resumes_a_job(replays: ReplayHarness) -> None:
    await replays.fail_mails(1)
    await replays.create(replays.plan())
    row = replays.latest()
    await control(replays.commands, row, "paused", "lunch")
    row = replays.latest()

    await resume(replays.commands, row, "back")

    with pytest.raises(JobError, match="runs already"):
        await resume(replays.commands, row, "back, too")
