"""Builds the Faust app: one agent per step, one for requests, one for the index of dead letters."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import faust
from faust.types import TP

from streams.clock import now
from streams.engine.assembly import Parts
from streams.engine.faust import transport
from streams.engine.faust.agents import Agent, SharingAgent
from streams.engine.faust.backlog import Backlog
from streams.engine.faust.batch import AgentObserver, Batch, BatchSchema, Unobserved
from streams.engine.handover import BatchHandler
from streams.engine.installation import Installation
from streams.engine.pauses import PauseRules, Pauses
from streams.kafka.address import KafkaAddress
from streams.kafka.reader import RangeReader
from topics.decode import Record

BATCH_RECORDS = 1000


@dataclass(frozen=True, slots=True)
class AppSettings:
    """Settings of the Faust app."""

    address: KafkaAddress
    group: str
    session_timeout_s: float
    folder: Path = Path(tempfile.gettempdir()) / "leads-faust"
    """Where Faust creates its (empty) folders; without it, Faust uses the current folder."""
    batch_records: int = BATCH_RECORDS


class SafeApp(faust.App):
    """A Faust app whose transport knows which agents settle a topic's batches."""

    agents_by_topic: Mapping[str, tuple[str, ...]]
    backlogs_by_topic: Mapping[str, Sequence[Backlog]]


def credentials_of(address: KafkaAddress) -> Any:  # noqa: ANN401 - faust is not typed
    """Return Faust's form of the credentials, always with a TLS context: without one Faust sends plain text."""
    if address.protocol == "SASL_SSL":
        return faust.SASLCredentials(
            username=address.user,
            password=address.password,
            mechanism=address.mechanism,
            ssl_context=address.ssl_context(),
        )
    return faust.SSLCredentials(context=address.ssl_context()) if address.protocol == "SSL" else None


def create_app(
    settings: AppSettings,
    agents: Mapping[str, tuple[str, BatchHandler]],
    should_stop: asyncio.Event,
    pauses: Pauses | None = None,
    observe: Callable[[str, str], AgentObserver] = lambda name, topic: Unobserved(),  # noqa: ARG005
) -> SafeApp:
    """Build the app; nothing is started or registered globally but the transport's URL scheme.

    `agents` maps each agent's name to its topic (full name) and its batch handler. `pauses` tells when a paused step
    may continue; without it no step pauses. `observe` returns the observer of the agent of this name and topic.
    """
    transport.register()
    app = SafeApp(
        settings.group,
        broker=[f"{transport.SCHEME}://{server}" for server in settings.address.servers],
        broker_credentials=credentials_of(settings.address),
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
    for name, (topic, _) in agents.items():
        readers[topic].append(name)
    app.agents_by_topic = {topic: tuple(names) for topic, names in readers.items()}
    channels = {
        topic: app.topic(
            topic, schema=BatchSchema(key_type=bytes, value_type=bytes), key_type=bytes, value_type=bytes
        )
        for topic in readers
    }
    backlogs: dict[str, list[Backlog]] = defaultdict(list)
    pauses = pauses or Pauses({}, PauseRules(), now)
    for name, (topic, handler) in agents.items():
        agent = Agent(name, handler, pauses, should_stop, observe(name, topic))
        if len(readers[topic]) > 1:
            reader, reopen = RangeReader(settings.address), partial(_reopen, app, topic, name)
            agent = SharingAgent(name, handler, pauses, should_stop, agent.observer, reader, reopen)
            backlogs[topic].append(agent.backlog)
        # concurrency stays 1: two streams of one topic in one process would break the order of a contact.
        app.agent(channels[topic], name=name, concurrency=1)(agent.consume)
    app.backlogs_by_topic = backlogs
    return app


def _reopen(app: SafeApp, topic: str, name: str, parts: Mapping[TP, list[Record]]) -> Batch:
    consumer = cast("transport.BatchConsumer", app.consumer)
    return consumer.reopen(topic, name, parts)


def agents_of(installation: Installation, parts: Parts) -> dict[str, tuple[str, BatchHandler]]:
    """Return an agent per step, and those for requests and letters, as `create_app` takes them."""
    topics, processor = installation.topics, parts.processor
    by_name: dict[str, tuple[str, BatchHandler]] = {
        step.name: (topics.of(step.reads), partial(processor.process, step))
        for step in installation.workflow.steps
    }
    by_name["requests"] = (topics.requests, processor.process_requests)
    by_name["letters"] = (topics.letters, parts.indexer.process)
    return by_name
