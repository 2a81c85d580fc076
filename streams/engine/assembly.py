"""Puts a processor together from a workflow and adapters."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from streams.engine.external_calls import ExternalCalls
from streams.engine.installation import Installation
from streams.engine.intents import IntentLog
from streams.engine.pauses import Pauses
from streams.engine.processor import Processor


@dataclass(frozen=True, slots=True)
class Parts:
    """A processor with what it needs."""

    processor: Processor
    external_calls: ExternalCalls
    pauses: Pauses

    def stop(self) -> None:
        """Begin nothing more that calls outside, and wait for no step that pauses."""
        self.external_calls.stop()
        self.pauses.stop()


def assemble(installation: Installation) -> Parts:
    """Put a processor together. Raises `PortError` when an action asks for a port that nothing answers."""
    adapters, workflow = installation.adapters, installation.workflow
    adapters.ports.check(workflow)
    dependencies = {step.name: adapters.ports.dependencies_of(step.action) for step in workflow.steps}
    pauses = Pauses(dependencies, adapters.pause_rules, installation.clock)
    intents = IntentLog(installation.database, str(uuid4()), installation.clock)
    external_calls = ExternalCalls(installation, intents, pauses)
    return Parts(Processor(installation, external_calls, pauses), external_calls, pauses)
