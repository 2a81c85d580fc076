"""The same assertions on stock Faust and on our engine: stock loses the records named here, ours loses none.

Numbers are those of docs/faust-facts.md.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

import faust
import pytest

from streams.engine.faust import transport
from streams.engine.faust.batch import Batch, BatchSchema
from streams.kafka.address import parse_kafka
from streams.kafka.producer import KafkaPublisher, Outgoing, new_producer
from tests.integration.faust_facts.harness import Log, Ours, Stock, started, until

POISON, LAST = 7, 19
STOP_WITHIN_S = 10.0

Engine = type[Ours] | type[Stock]


@pytest.mark.parametrize(("engine", "lost"), [(Ours, set()), (Stock, {POISON})])
async def test_fact_1_a_record_whose_handling_fails_comes_again(
    kafka: str, engine: Engine, lost: set[int]
) -> None:
    log = Log(kafka)
    log.append(b"" for _ in range(LAST + 1))
    handled: set[int] = set()
    failures: list[int] = []

    async def handle(offset: int) -> None:
        if offset == POISON and failures[1:] == []:
            failures.append(offset)
            raise ValueError(offset)
        handled.add(offset)

    for _ in range(2):  # the second one is the restart: it gets every record that is not lost
        async with started(engine(log, handle)):
            await until(lambda: LAST in handled)

    assert set(range(LAST + 1)) - handled == lost
    assert log.committed() == LAST + 1


def by_hand(engine: Engine, log: Log) -> tuple[Ours | Stock, list[int]]:
    """Return a member that acknowledges every record but one, one record at a time."""
    seen: list[int] = []

    async def never_called(offset: int) -> None:
        raise AssertionError(offset)

    running = engine(log, never_called, records=1) if engine is Ours else engine(log, never_called)
    running.app.agents.clear()

    async def ours(stream: faust.Stream[Any]) -> None:
        async for batch in stream.noack():
            assert isinstance(batch, Batch)
            (record,) = batch.records
            batch.begin("agent")
            batch.end("agent", is_settled=record.offset != POISON)
            seen.append(record.offset)

    async def stock(stream: faust.Stream[Any]) -> None:
        async for event in stream.noack().events():
            if event.message.offset != POISON:
                event.ack()
            seen.append(event.message.offset)

    schema = {"schema": BatchSchema()} if engine is Ours else {"value_serializer": "raw"}
    topic = running.app.topic(log.topic, value_type=bytes, **schema)
    agent: Any = ours if engine is Ours else stock
    running.app.agent(topic, name="agent")(agent)
    return running, seen


@pytest.mark.parametrize(("engine", "lost"), [(Ours, set()), (Stock, {POISON})])
async def test_fact_2_a_gap_of_one_record_is_not_committed_past(
    kafka: str, engine: Engine, lost: set[int]
) -> None:
    log = Log(kafka)
    log.append(b"" for _ in range(POISON))
    member, seen = by_hand(engine, log)
    async with started(member):
        await until(lambda: log.committed() == POISON)
        log.append(b"" for _ in range(POISON, LAST + 1))
        await until(lambda: LAST in seen)

    assert log.lost(set(seen) - {POISON}) == lost


@pytest.mark.parametrize(("engine", "lost"), [(Ours, set()), (Stock, {POISON})])
async def test_fact_3_a_record_that_cannot_be_read_waits_for_its_dead_letter(
    kafka: str, engine: Engine, lost: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(kafka)
    log.append(b"{" if offset == POISON else b"{}" for offset in range(POISON + 1))
    handled: set[int] = set()
    is_notified = asyncio.Event()

    async def no_dead_letter_yet(*_: object) -> None:
        is_notified.set()
        await asyncio.Event().wait()

    async def handle(offset: int) -> None:
        if offset == POISON:
            await no_dead_letter_yet()
        handled.add(offset)

    monkeypatch.setattr(transport, "BATCHES_END_S", 1.0)
    monkeypatch.setattr(faust.Topic, "on_value_decode_error", no_dead_letter_yet)
    async with started(engine(log, handle, reads="json")):
        await is_notified.wait()
        await asyncio.sleep(0.5)  # more than a commit interval

    assert log.lost(handled) == lost


@pytest.mark.parametrize(("engine", "is_lost"), [(Ours, False), (Stock, True)])
async def test_fact_4_a_record_whose_result_the_broker_rejects_is_not_committed_past(
    kafka: str, engine: Engine, *, is_lost: bool
) -> None:
    log, results = Log(kafka), Log(kafka, config={"max.message.bytes": "1000"})
    log.append(b"" for _ in range(LAST + 1))
    handled: list[int] = []
    publisher = KafkaPublisher(partial(new_producer, parse_kafka(kafka)))

    async def handle(offset: int) -> None:
        value = b"%d" % offset + b" " * (2000 if offset == POISON else 0)
        handled.append(offset)
        if isinstance(member, Stock):
            await member.app.topic(results.topic, value_serializer="raw").send(value=value)
        else:
            await publisher.publish([Outgoing(results.topic, None, value, [])])

    member = engine(log, handle)
    async with publisher, started(member):
        await until(lambda: LAST in handled or handled.count(0) > 1)

    # Stock may lose neighbours too: those that shared a batch of its producer.
    assert (POISON in log.lost(int(value) for value in results.values())) == is_lost


async def repeated_after_a_rebalance(kafka: str, engine: Engine) -> set[int]:
    log = Log(kafka)
    log.append(b"" for _ in range(LAST + 1))
    handled: list[int] = []

    async def handle(offset: int) -> None:
        handled.append(offset)

    async with started(engine(log, handle, commit_every_s=60.0)):
        await until(lambda: LAST in handled)
        async with started(engine(log, handle, commit_every_s=60.0)):
            await until(lambda: log.members() == 2)
            # Records are handled in their order: what is repeated comes before the second of these two.
            for offset in (LAST + 1, LAST + 2):
                log.append([b""])
                await until(lambda offset=offset: offset in handled)  # type: ignore[misc]

    return {offset for offset in handled if handled.count(offset) > 1}


async def test_fact_7_what_is_settled_is_committed_before_a_rebalance(kafka: str) -> None:
    assert await repeated_after_a_rebalance(kafka, Ours) == set()


async def test_fact_7_stock_forgets_what_it_has_not_committed(kafka: str) -> None:
    repeated: set[int] = set()
    # On a busy machine Stock commits in time now and then, so it has several chances to show the fault.
    for _ in range(6):
        repeated = await repeated_after_a_rebalance(kafka, Stock)
        if repeated:
            break

    assert repeated == set(range(LAST + 1))


class Hanging:
    """An agent's work that never ends by itself."""

    def __init__(self) -> None:
        self.handled: set[int] = set()
        self.is_reached = asyncio.Event()
        self.may_end = asyncio.Event()

    async def handle(self, offset: int) -> None:
        if offset == POISON:
            self.is_reached.set()
            await self.may_end.wait()
        self.handled.add(offset)


async def seconds_to_stop(running: Ours | Stock, work: Hanging) -> float:
    """Stop; release work that has not stopped in time, so that the test can end."""
    began = time.monotonic()
    stopping = asyncio.create_task(running.stop())
    await asyncio.wait({stopping}, timeout=STOP_WITHIN_S)
    took = time.monotonic() - began
    work.may_end.set()
    await stopping
    return took


@pytest.mark.parametrize(
    ("engine", "options", "is_in_time"), [(Ours, {}, True), (Stock, {"stream_wait_empty": True}, False)]
)
async def test_fact_8_a_record_that_never_ends_does_not_hold_up_a_stop(
    kafka: str, engine: Engine, options: dict[str, Any], *, is_in_time: bool
) -> None:
    log, work = Log(kafka), Hanging()
    log.append(b"" for _ in range(POISON + 1))
    running = engine(log, work.handle, **options)
    await running.start()
    await work.is_reached.wait()

    took = await seconds_to_stop(running, work)

    assert (took < STOP_WITHIN_S) == is_in_time


@pytest.mark.parametrize(
    ("engine", "options", "lost"), [(Ours, {}, set()), (Stock, {"stream_wait_empty": False}, {POISON})]
)
async def test_fact_8_a_record_at_work_during_a_stop_is_not_committed(
    kafka: str, engine: Engine, options: dict[str, Any], lost: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "BATCHES_END_S", 1.0)
    log, work = Log(kafka), Hanging()
    log.append(b"" for _ in range(POISON + 1))
    async with started(engine(log, work.handle, **options)):
        await work.is_reached.wait()

    assert log.lost(work.handled) == lost
