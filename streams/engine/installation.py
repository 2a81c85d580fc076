"""One installation: a workflow, the adapters of its ports, and where its records and its state are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from streams.clock import Clock, now
from streams.engine.pauses import PauseRules
from streams.kafka.producer import Publisher
from streams.store.engine import Database
from streams.workflow import Ports, Workflow
from topics.registry import TopicNames


@dataclass(frozen=True, slots=True)
class Adapters:
    """The adapters of the ports, and what to close when the worker stops."""

    ports: Ports = field(default_factory=Ports)
    pause_rules: PauseRules = field(default_factory=PauseRules)
    """When a step pauses automatically."""
    closers: tuple[Callable[[], Awaitable[None]], ...] = ()

    async def aclose(self) -> None:
        """Close connections."""
        async with AsyncExitStack() as stack:
            for close in self.closers:
                stack.push_async_callback(close)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What workers, commands, HTTP and tests share; built once, in `streams/wiring.py`.

    `dataclasses.replace` builds a variant: another publisher, an instrumented store.
    """

    workflow: Workflow
    database: Database
    publisher: Publisher
    adapters: Adapters = field(default_factory=Adapters)
    """Needed only to run actions; `Ports.check` comes first then."""
    topics: TopicNames = field(default_factory=TopicNames)
    group: str = "leads"
    """Kafka consumer group; letters carry it."""
    clock: Clock = now
