"""Pauses by hand reach the workers, and automatic ones are reported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.clock import to_us
from streams.operations.pause_sync import PauseKeeper
from streams.store import pauses
from streams.testing import Cluster, World
from tests.support.pausing import (
    PEOPLE,
    WELCOME,
    Forgetful,
    PausingWorker,
    keep,
    pausing_cluster,
    send_leads,
    unbroken_identity,
)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def identity() -> Forgetful:
    return unbroken_identity()


@pytest.fixture
def cluster(world: World, identity: Forgetful) -> Iterator[Cluster]:
    with pausing_cluster(world, identity) as cluster:
        yield cluster


@pytest.fixture
def worker(cluster: Cluster) -> PausingWorker:
    return PausingWorker(cluster)


async def test_a_step_that_a_person_paused_starts_nothing_until_it_is_resumed(
    cluster: Cluster, worker: PausingWorker, world: World
) -> None:
    now_us = to_us(cluster.clock())
    cluster.database.transact(
        lambda connection: pauses.pause(connection, WELCOME, "new templates", "ada", now_us)
    )
    await keep(cluster)
    send_leads(cluster)
    paused, mails = await worker.settle(), len(world.mails)
    cluster.database.transact(lambda connection: pauses.resume(connection, WELCOME))
    await keep(cluster)
    resumed = await worker.settle()

    assert (paused, mails, cluster.letters) == ({WELCOME}, 0, [])
    assert (resumed, len(world.mails)) == (set(), PEOPLE)


async def test_an_automatic_pause_is_reported_until_it_is_over_or_the_worker_is_gone(
    cluster: Cluster, worker: PausingWorker, world: World
) -> None:
    send_leads(cluster)
    world.go_down()
    await worker.settle()
    keeper = PauseKeeper(cluster.database, cluster.worker.pauses, "worker-1", cluster.clock)
    await keeper.tick()

    def notified(silent_s: float) -> list[tuple[str, str]]:
        since = to_us(cluster.clock()) - int(silent_s * 1_000_000)
        rows = cluster.database.transact(lambda connection: pauses.all_of(connection, since))
        return [(row.step, row.kind) for row in rows]

    while_paused = notified(30)
    cluster.clock.advance(seconds=31)
    of_the_silent = notified(30)
    world.come_back()
    await worker.settle()
    await keeper.tick()

    assert while_paused == [(WELCOME, "dependency")]
    assert of_the_silent == []
    assert notified(30) == []
