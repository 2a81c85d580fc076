"""Assembles a processor from a workflow and adapters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from streams.engine.external_calls import ExternalCalls
from streams.engine.indexing import LetterIndexer
from streams.engine.installation import Installation
from streams.engine.intents import IntentLog
from streams.engine.pauses import DependencyObserver, Pauses
from streams.engine.processor import Processor


@dataclass(frozen=True, slots=True)
class Parts:
    """A processor and the parts that it uses."""

    processor: Processor
    external_calls: ExternalCalls
    indexer: LetterIndexer
    pauses: Pauses

    def stop_calls_and_pauses(self) -> None:
        """Start no further outside call, and stop waiting for paused steps."""
        self.external_calls.stop()
        self.pauses.stop()


def assemble(installation: Installation, observe: Callable[[str], DependencyObserver] | None = None) -> Parts:
    """Assemble a processor. `observe` returns the observer of the server of this name.

    Raise `PortError` when an action needs a port that is not bound.
    """
    adapters, workflow = installation.adapters, installation.workflow
    adapters.ports.check(workflow)
    dependencies = {step.name: adapters.ports.dependencies_of(step.action) for step in workflow.steps}
    pauses = Pauses(dependencies, adapters.pause_rules, installation.clock, observe)
    intents = IntentLog(installation.database, str(uuid4()), installation.clock, adapters.ports.key_of_phone)
    external_calls = ExternalCalls(installation, intents, pauses)
    processor = Processor(installation, external_calls, pauses)
    return Parts(processor, external_calls, LetterIndexer(installation.database, installation.clock), pauses)
