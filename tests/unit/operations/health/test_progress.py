"""Noting the progress of the work without changing it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from actions.errors import ActionError, PermanentError, TransientError, UncertainError
from actions.ports import Mail, Mailer
from streams.engine.assembly import assemble
from streams.engine.faust.agents import settle_batch
from streams.engine.faust.batch import Batch
from streams.engine.handover import RecordBatch, Records
from streams.engine.pauses import StoppingError
from streams.kafka.producer import PublishError
from streams.onboarding import ONBOARDING
from streams.operations.health.progress import BROKER, STORE, WorkerProgress
from streams.store.engine import StoreRefusedError, StoreUnavailableError
from streams.store.migrate import open_database
from streams.testing import Cluster, MemoryStore, World, adapters_of, event_headers, lead
from topics.events import LeadReceived

AGENT = "assign_owner"


@dataclass
class CarrierPigeons:
    """A mailer that declares its own dependency."""

    world: World
    dependency = "carrier-pigeons"

    async def send(self, mail: Mail) -> None:
        await self.world.send(mail)


def agent_batch() -> Batch:
    return Batch({}, [AGENT], lambda: None)


async def error_of(work: Awaitable[object]) -> Exception | None:
    try:
        await work
    except Exception as error:  # noqa: BLE001 - every error is a result here
        return error
    return None


@pytest.fixture
def progress() -> WorkerProgress:
    return WorkerProgress(silent_after_s=10)


@pytest.mark.parametrize(
    ("error", "steps"),
    [(None, 1), (StoreUnavailableError(), 1), (PublishError(), 1), (StoppingError(), 1), (KeyError(), 0)],
    ids=["settled", "store away", "broker away", "stopping", "a defect"],
)
async def test_known_causes_are_steps_and_defects_are_not(
    progress: WorkerProgress, error: Exception | None, steps: int
) -> None:
    part, should_stop = progress.part(AGENT), asyncio.Event()

    async def settle(batch: RecordBatch) -> None:
        assert part.is_busy
        should_stop.set()  # so that it is not tried again
        if error is not None:
            raise error

    await settle_batch(AGENT, settle, agent_batch(), should_stop, part)

    assert (part.steps, part.is_busy) == (steps, False)


async def test_what_is_done_of_a_batch_is_a_step_and_asking_for_it_is_none(progress: WorkerProgress) -> None:
    part = progress.part(AGENT)

    async def settle(batch: RecordBatch) -> None:
        for _ in range(5):
            assert not batch.is_revoked
        batch.note_progress()
        batch.note_progress()

    await settle_batch(AGENT, settle, agent_batch(), asyncio.Event(), part)

    assert part.steps == 2 + 1  # and one for the batch itself


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (None, None),
        (TransientError("UNREACHABLE", "jane@customer.example"), "UNREACHABLE, for 0 s"),
        (TransientError("BUSY", retry_after=timedelta(minutes=1)), "BUSY, for 0 s"),
        (UncertainError("it was handed over"), "UNCERTAIN, for 0 s"),
        (PermanentError("REFUSED"), None),
    ],
)
async def test_a_server_is_noted_under_the_name_of_its_adapter_as_its_circuit_breaker_hears_of_it(
    progress: WorkerProgress, error: ActionError | None, trouble: str | None
) -> None:
    world, store = World(), MemoryStore()
    cluster = Cluster(ONBOARDING, adapters_of(world, shared={Mailer: CarrierPigeons(world)}), store)
    parts = assemble(cluster.installation, progress.dependency)
    cluster.log.append(cluster.names.of(LeadReceived), b"k", lead(), event_headers("e-1"))

    def fail(_: Mail) -> None:
        if error is not None:
            raise error

    world.fail = fail
    for step in ONBOARDING.steps:
        await parts.processor.process(step, Records(cluster.records(step.reads)))
    store.close()

    pigeons = progress.dependencies["carrier-pigeons"]
    assert list(progress.dependencies) == [STORE, BROKER, "carrier-pigeons"]
    assert pigeons.trouble == trouble
    assert (pigeons.seen_s is None) == (trouble is not None)


async def test_the_store_is_noted_as_transactions_see_it(progress: WorkerProgress, tmp_path: Path) -> None:
    store = progress.dependencies[STORE]
    database = open_database(f"sqlite:///{tmp_path / 'leads.db'}")
    database.observer = store
    seen = []

    def unit(error: Exception | None, _: object) -> None:
        seen.append(store.is_away)
        if error is not None:
            raise error

    for error in (None, StoreUnavailableError("OperationalError"), StoreRefusedError("DataError"), None):
        await error_of(database.run(partial(unit, error)))
    database.close()

    assert seen == [False, False, True, False]
    assert (store.is_away, store.trouble) == (False, None)
