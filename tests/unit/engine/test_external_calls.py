"""Actions that call outside: what starts, waits and is written when calls, workers or the store fail."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

import orjson
import pytest

from actions.ports import Mail
from streams.engine.handover import Records
from streams.engine.pauses import StoppingError
from streams.onboarding import ONBOARDING
from streams.store import letters
from streams.store.engine import Database
from streams.store.schema import CALLED, contacts
from streams.testing import (
    Cluster,
    World,
    adapters_of,
    event_headers,
    lead,
)
from tests.support.workflow import RECEIVED, count, data, effects_in, letter_of
from topics.decode import Record
from topics.events import (
    LeadAssigned,
    LeadWelcomed,
)

MAILS_AT_ONCE = 4


@pytest.fixture
async def cluster(database: Database, world: World) -> Cluster:
    """A cluster that sends fewer mails at once than a batch has."""
    return Cluster(ONBOARDING.with_effect("welcome", concurrency=MAILS_AT_ONCE), adapters_of(world), database)


@dataclasses.dataclass
class RevokedByTheFirstMail:
    """A `RecordBatch` that is revoked once a mail was sent."""

    records: Sequence[Record]
    world: World

    @property
    def is_revoked(self) -> bool:
        return bool(self.world.mails)

    def note_progress(self) -> None:
        """Do nothing: nobody watches."""


async def test_a_mail_server_that_is_down_delays_the_welcome_and_nothing_else(
    cluster: Cluster, world: World
) -> None:
    world.go_down()
    cluster.log.append(RECEIVED, None, lead(lead_id="L1"))
    await cluster.settle()
    assert await count(cluster, contacts) == 1
    assert len(world.notes) == 1
    (letter,) = map(letter_of, cluster.letters)
    assert (letter.code, letter.failure_class, letter.delivery_count) == ("SMTP_UNREACHABLE", "transient", 3)

    world.come_back()
    cluster.clock.advance(seconds=23)  # 30 s less 20 % and a bit
    assert await cluster.retries.tick() == 0
    cluster.clock.advance(seconds=14)
    assert await cluster.retries.tick() == 1
    await cluster.settle()

    assert [data(record)["outcome"] for record in cluster.records(LeadWelcomed)] == ["sent"]
    assert len(world.mails) == 1
    (row,) = await cluster.database.run(lambda c: letters.get(c, [letter.id]))
    assert (row.status, row.resolution) == ("resolved", "resolved")


@pytest.mark.parametrize(
    "origin", [b"live", b"import"]
)  # an import calls nobody: only its outcome is written
async def test_an_outcome_that_the_database_refuses_fails_alone_and_not_its_neighbours(
    cluster: Cluster, world: World, origin: bytes
) -> None:
    cluster.log.append(RECEIVED, b"k", lead(email="one@example.com"))
    await cluster.settle()
    (assigned,) = cluster.records(LeadAssigned)
    forged = data(assigned) | {"contact_key": "f" * 300}
    odd = {"ce_id": b"forged", "ce_correlationid": b"c" * 300, "ce_origin": origin}
    headers = [(name, odd.pop(name, value)) for name, value in assigned.headers] + list(odd.items())
    cluster.log.append(assigned.topic, b"k", orjson.dumps(forged), headers)
    cluster.log.append(RECEIVED, b"k", lead(email="two@example.com"))

    await cluster.settle()

    assert {"one@example.com", "two@example.com"} <= {mail.to for mail in world.mails}
    # SQLite accepts texts of any length.
    refused = [] if cluster.database.is_sqlite else ["STORE_REFUSED"] * 2
    assert [letter_of(record).code for record in cluster.letters] == refused


async def test_a_retry_that_comes_after_the_events_expiry_calls_nobody(
    cluster: Cluster, world: World
) -> None:
    world.go_down()
    headers = event_headers("e-1", expirytime="2026-11-23T09:00:10Z")
    cluster.log.append(RECEIVED, b"k", lead(), headers)
    await cluster.settle()
    world.come_back()

    cluster.clock.advance(minutes=1)
    await cluster.retries.tick()
    await cluster.settle()

    assert [letter_of(record).code for record in cluster.letters] == ["SMTP_UNREACHABLE", "EXPIRED"]
    assert world.mails == []


async def test_a_worker_that_stops_begins_no_call_and_the_next_one_makes_the_rest(
    cluster: Cluster, world: World
) -> None:
    world.fail = lambda mail: cluster.worker.external_calls.stop()
    for number in range(10):
        cluster.log.append(RECEIVED, b"k", lead(email=f"p{number}@example.com"))
    with pytest.raises(StoppingError):
        await cluster.settle()
    assert 1 <= len(world.mails) <= MAILS_AT_ONCE  # what was on the wire

    world.come_back()
    cluster.worker = cluster.new_worker()
    await cluster.settle()

    assert sorted(mail.to for mail in world.mails) == [f"p{number}@example.com" for number in range(10)]
    assert cluster.letters == []


async def test_no_call_is_begun_for_records_that_went_to_another_worker(
    cluster: Cluster, world: World
) -> None:
    for number in range(10):
        cluster.log.append(RECEIVED, b"k", lead(email=f"p{number}@example.com"))
    for step in cluster.workflow.steps:
        if step.name == "send_welcome_email":
            break
        await cluster.worker.processor.process(step, Records(cluster.records(step.reads)))

    with pytest.raises(StoppingError):
        await cluster.worker.processor.process(
            step, RevokedByTheFirstMail(cluster.records(step.reads), world)
        )
    mails = len(world.mails)
    cluster.worker = cluster.new_worker()
    await cluster.settle()

    assert 1 <= mails <= MAILS_AT_ONCE  # what was on the wire
    assert sorted(mail.to for mail in world.mails) == [f"p{number}@example.com" for number in range(10)]
    assert cluster.letters == []


async def test_calls_on_the_wire_are_waited_for_when_another_one_takes_the_batch_down(
    database: Database,
) -> None:
    class Slow(World):
        async def send(self, mail: Mail) -> None:
            if mail.to.startswith("p0"):
                raise asyncio.CancelledError
            await asyncio.sleep(0.05)
            await super().send(mail)

    world = Slow()
    cluster = Cluster(ONBOARDING, adapters_of(world), database)
    for number in range(4):
        cluster.log.append(RECEIVED, b"k", lead(email=f"p{number}@example.com"))

    with pytest.raises(asyncio.CancelledError):
        await cluster.settle()

    done = await cluster.database.run(lambda c: effects_in(c, CALLED))
    assert len(world.mails) == len(done) == 3
