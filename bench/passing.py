"""The three contenders that pass events through: our engine, plain aiokafka, stock Faust."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.window import Window
from streams.engine.faust.app import AppSettings, create_app
from streams.engine.handover import SETTLED, RecordBatch, Unfinished
from streams.kafka.address import parse_kafka
from streams.kafka.producer import KafkaPublisher, Outgoing, new_producer

POLL_RECORDS = 1000
BATCH_BYTES = 256 * 1024
"""aiokafka's default of 16 KiB costs the plain loop half as much again: it is measured at its best."""


@dataclass(frozen=True, slots=True)
class Passing:
    """From where to where, and how many."""

    kafka: str
    group: str
    source: str
    target: str
    events: int


async def engine(task: Passing) -> dict[str, float]:
    """Our app and transport with a settle function that forwards raw records; acks=all, idempotent."""
    address = parse_kafka(task.kafka)
    window, over = Window(task.events), asyncio.Event()
    publisher = KafkaPublisher(partial(new_producer, address))

    async def forward(batch: RecordBatch) -> Unfinished:
        outgoing = [
            Outgoing(task.target, record.key, record.value, list(record.headers)) for record in batch.records
        ]
        await publisher.publish(outgoing)
        window.settled(len(outgoing))
        if window.is_over:
            over.set()
        return SETTLED

    stop = asyncio.Event()
    settings = AppSettings(address, task.group, session_timeout_s=10.0)
    app = create_app(settings, {"forward": (task.source, forward)}, stop)
    async with publisher:
        await app.start()
        await over.wait()
        await asyncio.sleep(0)  # the agent says that the batch is settled right after its last publish
        await app.consumer.commit()
        measured = window.close()
        stop.set()
        await app.stop()
    return measured


async def plain(task: Passing) -> dict[str, float]:
    """The loop one writes with aiokafka when one knows it: poll, send, wait for all, commit; acks=all, idempotent."""
    consumer = AIOKafkaConsumer(
        task.source,
        bootstrap_servers=task.kafka,
        group_id=task.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=POLL_RECORDS,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=task.kafka, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
    )
    await producer.start()
    await consumer.start()
    window = Window(task.events)
    while not window.is_over:
        polled = await consumer.getmany(timeout_ms=1000)
        sent = [
            await producer.send(task.target, record.value, key=record.key, headers=list(record.headers))
            for records in polled.values()
            for record in records
        ]
        await asyncio.gather(*sent)
        await consumer.commit()
        window.settled(len(sent))
    measured = window.close()
    await consumer.stop()
    await producer.stop()
    return measured


async def stock(task: Passing) -> dict[str, float]:
    """A stock Faust agent as its documentation has it: one event at a time, `await topic.send`."""
    app = faust.App(
        task.group,
        broker=f"kafka://{task.kafka}",
        store="memory://",
        consumer_auto_offset_reset="earliest",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    source = app.topic(
        task.source, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw"
    )
    target = app.topic(
        task.target, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw"
    )
    window, over = Window(task.events), asyncio.Event()

    @app.agent(source)
    async def forward(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            await target.send(key=event.key, value=event.value)
            window.settled(1)
            if window.is_over:
                over.set()

    await app.start()
    await over.wait()
    await app.producer.flush()  # its sends are not waited for: here they are, once
    await asyncio.sleep(0.2)  # the last event is acknowledged after the agent asked for the next
    await app.consumer.commit()
    measured = window.close()
    await app.stop()
    return measured
