"""This file builds the Faust app: one agent per step, one for requests, one for the index of dead letters."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import faust

from streams import transport
from streams.batch import Batch, BatchSchema
from streams.failpoints import reach
from streams.kafka import KafkaAddress
from streams.processing.indexing import LetterIndexer
from streams.processing.outside import StoppingError
from streams.processing.processor import Processor
from streams.processing.publishing import PublishError
from streams.store.engine import StoreError
from streams.workflow import Workflow
from topics.decode import Record
from topics.registry import TopicNames

log = logging.getLogger(__name__)

BATCH_RECORDS = 1000
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0

Settle = Callable[[Iterable[Record], Callable[[], bool]], Awaitable[None]]
"""Settles records, given a way to ask whether they were taken away meanwhile."""


@dataclass(frozen=True, slots=True)
class AppSettings:
    """What the engine needs to know."""

    address: KafkaAddress
    group: str
    names: TopicNames
    session_timeout_s: float
    folder: Path = Path(tempfile.gettempdir()) / "leads-faust"
    """Where Faust makes its (empty) folders; without it, in whatever folder one stands."""
    batch_records: int = BATCH_RECORDS


class SafeApp(faust.App):
    """A Faust app whose transport knows which agents settle a topic's batches."""

    agents_by_topic: Mapping[str, tuple[str, ...]]


def create_app(
    settings: AppSettings, settle: Mapping[str, tuple[str, Settle]], should_stop: asyncio.Event
) -> SafeApp:
    """Build the app; nothing is started or registered globally but the transport's URL scheme.

    `settle` says for each agent name which topic it reads (full name) and what settles a batch of it.
    """
    transport.register()
    app = SafeApp(
        settings.group,
        broker=[f"{transport.SCHEME}://{server}" for server in settings.address.servers],
        broker_credentials=settings.address.faust_credentials(),
        broker_max_poll_records=settings.batch_records,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 5,
        broker_request_timeout=max(30.0, settings.session_timeout_s + 5),
        broker_commit_interval=1.0,
        datadir=str(settings.folder),
        consumer_auto_offset_reset="earliest",
        processing_guarantee="at_least_once",
        producer_request_timeout=30.0,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        web_tables_enabled=False,
        web_router_enabled=False,
        store="memory://",
        cache="memory://",
    )
    readers: dict[str, list[str]] = defaultdict(list)
    for name, (topic, _) in settle.items():
        readers[topic].append(name)
    app.agents_by_topic = {topic: tuple(names) for topic, names in readers.items()}
    channels = {
        topic: app.topic(
            topic, schema=BatchSchema(key_type=bytes, value_type=bytes), key_type=bytes, value_type=bytes
        )
        for topic in readers
    }
    for name, (topic, function) in settle.items():
        # concurrency stays 1: two streams of one topic in one process would break the order of a contact.
        app.agent(channels[topic], name=name, concurrency=1)(_consume(name, function, should_stop))
    return app


def agents(
    workflow: Workflow, processor: Processor, indexer: LetterIndexer, names: TopicNames
) -> dict[str, tuple[str, Settle]]:
    """Give an agent per step, and those for requests and letters."""
    by_name: dict[str, tuple[str, Settle]] = {
        step.name: (names.of(step.reads), partial(processor.process_events, step)) for step in workflow.steps
    }
    by_name["requests"] = (names.requests, processor.process_requests)
    by_name["letters"] = (names.letters, indexer.process)
    return by_name


def _consume(name: str, settle: Settle, should_stop: asyncio.Event) -> Callable[[Any], Awaitable[None]]:
    async def consume(stream: Any) -> None:  # noqa: ANN401 - Faust's stream
        # noack: an acknowledgement by Faust says nothing here, and would cost memory.
        async for batch in stream.noack():
            await settle_batch(name, settle, batch, should_stop)

    return consume


async def settle_batch(name: str, settle: Settle, batch: Batch, should_stop: asyncio.Event) -> None:
    """Settle a batch, however long the store or the broker are away; leave it when it is taken away or we stop.

    Never raises out of the agent: Faust would restart the agent behind the batch.
    """
    wait = FIRST_WAIT_S
    while not should_stop.is_set() and batch.begin(name):
        is_settled = False
        try:
            reach("settle.before")
            await settle(batch.records, lambda: batch.is_revoked)
            reach("settle.after")
            is_settled = True
        except StoppingError:
            pass
        except (StoreError, PublishError) as error:
            log.error("%s waits and tries again: %s", name, error)  # noqa: TRY400 - the trace says nothing more
        except Exception:
            # Ours, not an action's: those become letters. Skipping would lose records, so it is loud and waits.
            log.exception("%s cannot settle a batch; nothing is acknowledged", name)
        finally:
            batch.end(name, is_settled=is_settled)
        if is_settled:
            return
        try:
            async with asyncio.timeout(wait):
                await should_stop.wait()
        except TimeoutError:
            wait = min(wait * 2, LONGEST_WAIT_S)
