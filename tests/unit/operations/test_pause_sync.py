"""Pauses by hand reach the workers, and automatic ones are reported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from actions.ports import Identity, Mailer
from streams.clock import to_us
from streams.engine.pauses import PauseRules
from streams.onboarding import ONBOARDING
from streams.operations.pause_sync import PauseKeeper
from streams.store import pauses
from streams.testing import Cluster, MemoryStore, World, adapters_of
from tests.support.pausing import (
    FAILURES,
    LANES,
    LETTERS_PER_MINUTE,
    PEOPLE,
    WELCOME,
    Forgetful,
    MailServer,
    PausingWorker,
    keep,
    send_leads,
)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def identity() -> Forgetful:
    identity = Forgetful(b"a secret for tests")
    identity.is_broken = False
    return identity


@pytest.fixture
def cluster(world: World, identity: Forgetful) -> Iterator[Cluster]:
    store = MemoryStore()
    rules = PauseRules(failures=FAILURES, letters_per_minute=LETTERS_PER_MINUTE)
    adapters = adapters_of(world, shared={Mailer: MailServer(world), Identity: identity})
    workflow = ONBOARDING.with_effect("welcome", concurrency=LANES)
    yield Cluster(workflow, replace(adapters, pause_rules=rules), store)
    store.close()


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
