"""The naive loop: the first correct program one would write. One event at a time, everything awaited in turn.

It runs the same six actions with the same adapters, writes the same ledger and contacts with the same durability, and
publishes the same results as our worker does: per event one transaction, one awaited send per result, one commit of the
offset. What it lacks is batches, and intents: its calls outside are made inside the event's transaction.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition
from sqlalchemy.engine import Connection

from actions.ports import Effects, Receipt
from bench.onboarding import Onboarding, Say, StopRequested
from bench.window import cpu_s
from streams.clock import to_us
from streams.engine.announcing import Announcer
from streams.engine.event_cache import EventCache
from streams.engine.execution import Execution, Source, Succeeded
from streams.engine.ledger_entries import LedgerWriter
from streams.onboarding import ONBOARDING
from streams.store import ledger
from streams.store.engine import Database
from streams.store.schema import CALLED, effects
from streams.workflow import Ports, Step, envelope_argument
from topics.decode import Position, decode
from topics.registry import TopicNames


class CallsInTransaction:
    """The port Effects: a row per call, written by the transaction in which the call was made."""

    def __init__(self, connection: Connection, work: Execution) -> None:
        """Take the event's transaction."""
        self._connection = connection
        self._work = work

    @property
    def key(self) -> str:
        """See `actions.ports.Effects.key`."""
        return self._work.effect_key

    async def once(self, call: Callable[[], Awaitable[str]]) -> Receipt:
        """See `actions.ports.Effects.once`."""
        key = self.key
        made = sa.select(effects.c.ledger_id, effects.c.reference).where(effects.c.key == key)
        row = self._connection.execute(made).one_or_none()
        if row is not None:
            return Receipt(row.reference, is_mine=row.ledger_id == self._work.ledger_id)
        reference = await call()
        self._connection.execute(
            sa.insert(effects).values(
                key=key,
                ledger_id=self._work.ledger_id,
                action=self._work.step.action.kebab,
                status=CALLED,
                reference=reference,
                worker="naive",
                changed_at=to_us(datetime.now(UTC)),
            )
        )
        return Receipt(reference, is_mine=True)


class Loop:
    """Settles one event after the other."""

    def __init__(self, names: TopicNames, group: str, ports: Ports, database: Database) -> None:
        """Take where events come from and what answers the actions."""
        self._steps = {names.of(event): ONBOARDING.reading(event) for event in ONBOARDING.inputs}
        self._scribe = LedgerWriter(group)
        self._announcer = Announcer(names, ONBOARDING.name, EventCache({}))
        self._ports = ports
        self._database = database
        self.topics = tuple(self._steps)

    async def settle(self, record: ConsumerRecord, producer: AIOKafkaProducer) -> None:
        """Decode, act, store, publish."""
        steps = self._steps[record.topic]
        headers = list(record.headers)
        position = Position.of(record)
        source = Source(position, record.key, record.value, headers)
        decoded = decode(record.value, headers, steps[0].reads, position)
        with self._database.engine.begin() as connection:
            outcomes = [await self._act(connection, Execution(source, step, decoded)) for step in steps]
        for outcome in outcomes:
            outgoing = self._announcer.outgoing(outcome)
            await producer.send_and_wait(
                outgoing.topic, outgoing.value, key=outgoing.key, headers=outgoing.headers
            )

    async def _act(self, connection: Connection, work: Execution) -> Succeeded:
        known = ledger.find(connection, [work.ledger_id]).get(work.ledger_id)
        if known is not None:
            return Succeeded(work, known, None)
        began = time.perf_counter_ns()
        now = datetime.now(UTC)
        stores = self._ports.open(work.step.action, connection, [work.event])
        result = await work.step.action.function(
            work.event,
            **self._ports.shared_for(work.step.action),
            **stores,
            **_effects(work.step, connection, work),
            **envelope_argument(work.step.action, work.envelope),
        )
        for store in stores.values():
            store.keep()
            store.flush(to_us(now))
        row = self._scribe.succeeded(work, result, (time.perf_counter_ns() - began) // 1000, now)
        ledger.insert(connection, [row])
        return Succeeded(work, row, result)


def _effects(step: Step, connection: Connection, work: Execution) -> dict[str, CallsInTransaction]:
    asked = (name for name, port in step.action.ports.items() if port is Effects)
    return {name: CallsInTransaction(connection, work) for name in asked}


async def naive(task: Onboarding, say: Say, stop_requested: StopRequested) -> Mapping[str, object]:
    """Run the loop from when it has joined its group until it is told to stop."""
    database, adapters = task.database(), task.adapters()
    loop = Loop(TopicNames(task.prefix), task.group, adapters.ports, database)
    consumer = AIOKafkaConsumer(
        *loop.topics,
        bootstrap_servers=task.kafka,
        group_id=task.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(bootstrap_servers=task.kafka, acks="all", enable_idempotence=True)

    async def work() -> None:
        async for record in consumer:
            await loop.settle(record, producer)
            await consumer.commit({TopicPartition(record.topic, record.partition): record.offset + 1})

    await producer.start()
    await consumer.start()
    before = cpu_s()
    say(ready=True)
    working = asyncio.create_task(work())
    stopping = asyncio.ensure_future(stop_requested())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    used = cpu_s() - before
    if working.done():
        working.result()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await consumer.stop()
    await producer.stop()
    await adapters.aclose()
    database.close()
    return {"cpu_s": used, "process_cpu_s": cpu_s()}
