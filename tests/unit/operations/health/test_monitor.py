"""Noting how store and broker answer, and watching a worker while its block runs."""

from __future__ import annotations

import asyncio
import socket

import pytest

from streams.kafka.producer import Outgoing, PublishError
from streams.onboarding import ONBOARDING
from streams.operations.health.address import HealthAddress
from streams.operations.health.monitor import Health, InstrumentedPublisher
from streams.operations.health.progress import BROKER, STORE, WorkerProgress
from streams.testing import Cluster, MemoryStore, World, adapters_of


class Broker:
    """A publisher that takes records while there is no error."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def publish(self, records: object) -> None:
        if self.error is not None:
            raise self.error


def health(address: HealthAddress | None = None) -> Health:
    """Return the health of a worker without a watchdog."""
    return Health(address=address, limit_s=0, silent_after_s=10, end=lambda: None)


async def test_the_broker_is_noted_as_publishing_sees_it() -> None:
    progress = WorkerProgress(silent_after_s=10)
    broker, server = progress.dependencies[BROKER], Broker()
    publisher = InstrumentedPublisher(server, broker)
    records: list[Outgoing] = []

    server.error = PublishError("the broker did not take 1 records")
    with pytest.raises(PublishError):
        await publisher.publish(records)
    away = broker.is_away
    server.error = None
    await publisher.publish(records)

    assert (away, broker.is_away) == (True, False)


def test_an_instrumented_installation_notes_the_answers_of_its_store_and_its_broker() -> None:
    cluster, watched = Cluster(ONBOARDING, adapters_of(World()), MemoryStore()), health()

    installation = watched.instrument(cluster.installation)

    assert installation.database.observer is watched.progress.dependencies[STORE]
    assert isinstance(installation.publisher, InstrumentedPublisher)
    cluster.database.close()


async def test_a_snapshot_that_fails_counts_as_a_beat_and_as_an_engine_that_is_down(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken:
        @property
        def consumer(self) -> object:
            raise AttributeError("consumer")

    watched = health()
    watched.follow(Broken())  # type: ignore[arg-type]

    async with watched.kept():
        await asyncio.sleep(0)

    assert (watched.progress.beats, watched.progress.snapshot.is_joined) == (1, False)
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_an_address_that_is_taken_is_raised_and_leaves_no_task_behind() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        before = asyncio.all_tasks()

        with pytest.raises(OSError, match="in use"):
            async with health(HealthAddress("127.0.0.1", taken.getsockname()[1])).kept():
                pass

    assert asyncio.all_tasks() == before
