"""A cluster settles what is unread; a worker that dies acknowledges nothing and a fresh one does its work."""

from __future__ import annotations

import pytest

from streams.onboarding import ONBOARDING
from streams.testing import Cluster, MemoryStore, World, adapters_of, event_headers, lead
from streams.testing.clock import run
from streams.testing.life import Life
from topics.events import LeadReceived, LeadWelcomed


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def cluster(world: World) -> Cluster:
    opened = Cluster(ONBOARDING, adapters_of(world), MemoryStore())
    opened.log.append(opened.names.of(LeadReceived), b"key", lead(), event_headers("e-1"))
    return opened


def test_settling_leaves_nothing_unread_and_forgetting_delivers_all_of_it_again(
    cluster: Cluster, world: World
) -> None:
    assert run(cluster.settle_once())
    run(cluster.settle())
    unread = [topic for topic in cluster.topics if cluster.unread(topic)]

    cluster.forget_acknowledgements()
    again = cluster.unread(cluster.names.of(LeadReceived))
    run(cluster.settle())

    assert (unread, len(again), len(world.mails)) == ([], 1, 1)
    assert not run(cluster.settle_once())


def test_a_worker_that_dies_leaves_its_batch_to_a_fresh_one(cluster: Cluster) -> None:
    topic = cluster.names.of(LeadReceived)
    batch = cluster.unread(topic)
    mortal = cluster.new_worker(Life(ends_at=1))

    is_alive = run(cluster.work_while_alive(mortal, topic, batch))

    assert (is_alive, cluster.unread(topic), cluster.records(LeadWelcomed)) == (False, batch, [])
    assert run(cluster.work_while_alive(cluster.new_worker(Life()), topic, batch))
    run(cluster.settle())
    assert len(cluster.records(LeadWelcomed)) == 1
