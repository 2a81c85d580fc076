"""The worker process of the rebalance test: it copies one topic to another, on our engine.

Arguments: bootstrap servers, group, topic to read, topic to write. It stops in order on SIGTERM.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from functools import partial

from streams.engine.faust.app import AppSettings, create_app
from streams.engine.handover import SETTLED, RecordBatch, Unfinished
from streams.kafka.address import parse_kafka
from streams.kafka.producer import KafkaPublisher, Outgoing, new_producer
from tests.integration.faust_facts.harness import SESSION_TIMEOUT_S


async def relay(kafka: str, group: str, reads: str, writes: str) -> None:
    """Work until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    publisher = KafkaPublisher(partial(new_producer, parse_kafka(kafka)))

    async def settle(batch: RecordBatch) -> Unfinished:
        await publisher.publish([Outgoing(writes, None, record.value, []) for record in batch.records])
        return SETTLED

    settings = AppSettings(parse_kafka(kafka), group, SESSION_TIMEOUT_S)
    app = create_app(settings, {"relay": (reads, settle)}, stopping)
    async with publisher:
        await app.start()
        await stopping.wait()
        await app.consumer.wait_empty()
        await app.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    logging.disable(logging.DEBUG)
    asyncio.run(relay(*sys.argv[1:]))
