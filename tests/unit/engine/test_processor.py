"""A batch goes through a step: results, letters, repetitions and requests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from actions.errors import PermanentError
from streams.engine.assembly import assemble
from streams.engine.handover import Records
from streams.engine.installation import Installation
from streams.kafka.producer import Outgoing, PublishError
from streams.onboarding import ONBOARDING
from streams.store import letters
from streams.store.engine import Database
from streams.store.schema import contacts
from streams.testing import (
    Clock,
    Cluster,
    MemoryLog,
    World,
    adapters_of,
    event_headers,
    lead,
)
from tests.support.workflow import (
    RECEIVED,
    count,
    data,
    settle_by_others,
    with_function,
    with_letter,
)
from topics.events import (
    ContactUpserted,
    LeadAssigned,
    LeadMatched,
    LeadValidated,
    LeadWelcomed,
    OwnerNotified,
)
from topics.letter import sha256_of
from topics.registry import TopicNames

NAMES = TopicNames()


@dataclass
class SlowBroker:
    """A `Publisher` whose broker answers when the test lets it."""

    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    taken: list[Outgoing] = field(default_factory=list)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        self.is_asked.set()
        await self.may_answer.wait()
        self.taken += records


async def test_nothing_is_acknowledged_while_the_broker_is_away(cluster: Cluster, world: World) -> None:
    cluster.log.append(RECEIVED, None, lead())
    cluster.log.is_away = True
    with pytest.raises(PublishError):
        await cluster.settle()
    assert len(cluster.unread(RECEIVED)) == 1

    cluster.log.is_away = False
    await cluster.settle()

    assert (await count(cluster, contacts), len(world.mails)) == (1, 1)
    assert len(cluster.records(LeadValidated)) == 1


async def test_a_second_request_for_the_same_letter_is_a_noop(cluster: Cluster, world: World) -> None:
    world.go_down()
    cluster.log.append(RECEIVED, None, lead())
    await cluster.settle()
    world.come_back()
    cluster.clock.advance(minutes=1)
    await cluster.retries.tick()
    (request,) = cluster.log.topics[cluster.names.requests]
    cluster.log.append(request.topic, request.key, request.value, request.headers)

    await cluster.settle()
    cluster.log.append(request.topic, request.key, request.value, request.headers)
    await cluster.settle()

    assert len(world.mails) == 1
    assert len({record.value for record in cluster.records(LeadWelcomed)}) == 1


async def test_an_older_event_that_is_replayed_late_fills_gaps_and_overwrites_nothing_newer(
    cluster: Cluster,
) -> None:
    cluster.log.append(RECEIVED, None, lead(city="Bonn"), event_headers("new", time="2026-11-23T08:00:00Z"))
    await cluster.settle()
    old = lead(city="Berlin", company="Acme")
    cluster.log.append(RECEIVED, None, old, event_headers("old", time="2026-11-20T08:00:00Z"))

    await cluster.settle()

    after = data(cluster.records(ContactUpserted)[-1])
    assert (after["contact"]["city"], after["contact"]["company"], after["changed"]) == (
        "Bonn",
        "Acme",
        ["company"],
    )


async def test_nothing_follows_an_action_that_was_asked_for_alone(cluster: Cluster) -> None:
    cluster.log.append(RECEIVED, None, lead())
    await cluster.settle()
    (matched,) = cluster.records(LeadMatched)
    alone = [
        (name, b"asked-alone" if name == "ce_id" else value)
        for name, value in matched.headers
        if name != "ce_workflow"
    ]

    cluster.log.append(matched.topic, matched.key, matched.value, alone)
    await cluster.settle()

    assert len(cluster.records(ContactUpserted)) == 1


async def test_a_lead_id_with_a_line_end_passes_every_worker(cluster: Cluster) -> None:
    cluster.log.append(RECEIVED, b"k", lead(lead_id="row 1\r\n2\tab"))

    await settle_by_others(cluster)

    assert cluster.letters == []
    assert data(cluster.records(OwnerNotified)[0])["lead_id"] == "row 1\r\n2\tab"


async def test_an_action_that_is_asked_for_is_done_also_when_nothing_follows_it(cluster: Cluster) -> None:
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()
    (matched,) = cluster.records(LeadMatched)
    alone = [
        (name, b"alone" if name == "ce_id" else value)
        for name, value in matched.headers
        if name != "ce_workflow"
    ]
    # An earlier build could not read it at first.
    cluster.log.append(matched.topic, matched.key, b"\xff", alone)
    await cluster.settle()
    (record,) = cluster.letters
    mended = with_letter(record.headers, value_sha256=str(sha256_of(matched.value)).encode())
    cluster.log.append(cluster.names.requests, record.key, matched.value, mended)

    await cluster.settle()

    assert await cluster.database.run(letters.find) == []
    followed, stated = (dict(each.headers) for each in cluster.records(ContactUpserted))
    assert (followed["ce_workflow"], stated.get("ce_workflow")) == (b"new-lead-onboarding", None)
    assert len(cluster.records(LeadAssigned)) == 1


@pytest.mark.parametrize("step", ["create_or_update_contact", "send_welcome_email"])
async def test_a_request_for_a_failure_that_has_failed_again_since_then_runs_nothing(
    database: Database, world: World, step: str
) -> None:
    runs = 0

    async def fails(event: LeadMatched, **_: object) -> ContactUpserted:
        nonlocal runs
        runs += 1
        raise PermanentError("REFUSED")

    cluster = Cluster(with_function(ONBOARDING, step, fails), adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()
    (record,) = cluster.letters
    for _ in range(2):
        cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
        await cluster.settle()

    assert runs == 2
    (row,) = await cluster.database.run(letters.find)
    assert row.letter.generation == 1


@pytest.mark.parametrize(
    ("value", "topic"),
    [
        pytest.param(lead(lead_id="L1"), "crm.leads.validated.v1", id="result"),
        pytest.param(b"{poison", NAMES.letters, id="letter"),
    ],
)
async def test_a_batch_is_not_done_before_the_broker_has_what_came_of_it(
    database: Database, value: bytes, topic: str
) -> None:
    broker, clock = SlowBroker(), Clock()
    parts = assemble(
        Installation(
            workflow=ONBOARDING,
            adapters=adapters_of(World()),
            database=database,
            publisher=broker,
            clock=clock,
        )
    )
    record = MemoryLog(clock).append(RECEIVED, b"L1", value, event_headers("e-1"))

    processing = asyncio.create_task(parts.processor.process(ONBOARDING.steps[0], Records([record])))
    asked = asyncio.create_task(broker.is_asked.wait())
    await asyncio.wait({processing, asked}, return_when=asyncio.FIRST_COMPLETED)
    for _ in range(100):  # turns of the loop, for whatever would end without the broker's answer
        await asyncio.sleep(0)
    was_done_before = processing.done()
    broker.may_answer.set()
    await processing

    assert not was_done_before
    assert [record.topic for record in broker.taken] == [topic]
    asked.cancel()
