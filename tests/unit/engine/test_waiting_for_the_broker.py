"""A batch ends only when the broker has its results and its letters."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from streams.engine.assembly import assemble
from streams.engine.handover import Records
from streams.engine.installation import Installation
from streams.kafka.producer import Outgoing
from streams.onboarding import ONBOARDING
from streams.store.engine import Database
from streams.store.migrate import open_database
from streams.testing import Clock, MemoryLog, World, adapters_of, event_headers, lead
from topics.registry import TopicNames

NAMES = TopicNames()
RECEIVED = "crm.leads.received.v1"


@dataclass
class SlowBroker:
    """A `Publisher` whose broker answers when it is told to."""

    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    taken: list[Outgoing] = field(default_factory=list)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        self.is_asked.set()
        await self.may_answer.wait()
        self.taken += records


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = open_database(f"sqlite:///{tmp_path / 'leads.db'}")
    yield found
    found.close()


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
