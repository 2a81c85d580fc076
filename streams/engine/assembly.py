"""This file puts a processor together from a workflow and adapters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from streams.clock import now
from streams.engine.external_calls import OutsideRunner
from streams.engine.group_commit import IntentLog
from streams.engine.ledger_entries import LedgerWriter
from streams.engine.pauses import PauseRules, Pauses
from streams.engine.processor import Processor
from streams.kafka.producer import Publisher
from streams.store.engine import Database
from streams.workflow import Ports, Workflow
from topics.registry import TopicNames


@dataclass(frozen=True, slots=True)
class Adapters:
    """What answers the ports, and what is closed when the worker stops."""

    ports: Ports
    lanes: Mapping[str, int]
    """How many outside calls an action makes at once."""
    repeats: Mapping[str, bool]
    """Whether a call that was cut off is made again: right where the other side drops the copy by its key."""
    pause_rules: PauseRules = field(default_factory=PauseRules)
    """When a step pauses by itself."""
    closers: tuple[Callable[[], Awaitable[None]], ...] = ()

    async def aclose(self) -> None:
        """Close connections."""
        async with AsyncExitStack() as stack:
            for close in self.closers:
                stack.push_async_callback(close)


@dataclass(frozen=True, slots=True)
class Parts:
    """A processor with what it needs."""

    processor: Processor
    outside: OutsideRunner
    pauses: Pauses

    def stop(self) -> None:
        """Begin nothing more that calls outside, and wait for no step that pauses."""
        self.outside.stop()
        self.pauses.stop()


def assemble(
    workflow: Workflow,
    found: Adapters,
    *,
    database: Database,
    publisher: Publisher,
    names: TopicNames,
    group: str,
    clock: Callable[[], datetime] = now,
) -> Parts:
    """Put a processor together. Raises `PortError` when an action asks for a port that nothing answers."""
    found.ports.check(workflow)
    intents = IntentLog(database, str(uuid4()), clock)
    dependencies = {step.name: found.ports.dependencies_of(step.action) for step in workflow.steps}
    pauses = Pauses(dependencies, found.pause_rules, clock)
    outside = OutsideRunner(
        database,
        found.ports,
        LedgerWriter(group),
        clock,
        intents,
        pauses=pauses,
        lanes=found.lanes,
        repeats=found.repeats,
    )
    processor = Processor(
        workflow,
        database=database,
        ports=found.ports,
        outside=outside,
        publisher=publisher,
        names=names,
        group=group,
        clock=clock,
        pauses=pauses,
    )
    return Parts(processor, outside, pauses)
