"""This file binds ports to adapters by type and checks at start-up that no action misses one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy.engine import Connection

from actions.action import ActionSpec
from actions.ports import Effects
from streams.workflow import Step, Workflow
from topics.envelope import Envelope
from topics.events import Event


class PortError(LookupError):
    """An action asks for a port that is not bound, or for two kinds that exclude each other."""


class Transactional(Protocol):
    """An adapter over one transaction and one batch; see `streams.store.contacts.SqlContacts`."""

    def keep(self) -> None:
        """The action succeeded: what it staged counts."""
        ...

    def drop(self) -> None:
        """The action failed: what it staged is forgotten."""
        ...

    def flush(self, now_us: int) -> None:
        """Write what counts."""
        ...


OpenTransactional = Callable[[Connection, Sequence[Event]], Transactional]


@dataclass(frozen=True)
class Ports:
    """Adapters by port type."""

    shared: Mapping[type, object] = field(default_factory=dict)
    transactional: Mapping[type, OpenTransactional] = field(default_factory=dict)

    def check(self, workflow: Workflow) -> None:
        """Raise `PortError` for the first port that is missing, naming action, parameter and where to bind it."""
        for step in workflow.steps:
            action = step.action
            for parameter, port in action.ports.items():
                if port is Effects or port in self.shared or port in self.transactional:
                    continue
                msg = (
                    f"no port for {action.name}({parameter}: {port.__name__}); bind one in streams/wiring.py"
                )
                raise PortError(msg)
            if calls_outside(step) and any(port in self.transactional for port in action.ports.values()):
                msg = f"{action.name} asks for Effects and for a port of the store: split it into two actions"
                raise PortError(msg)

    def shared_for(self, action: ActionSpec) -> dict[str, object]:
        """Keyword arguments that are the same for every record."""
        return {name: self.shared[port] for name, port in action.ports.items() if port in self.shared}

    def dependencies_of(self, action: ActionSpec) -> tuple[str, ...]:
        """Names of the servers that the action's calls need: what its adapters have as `dependency`, if anything."""
        adapters = self.shared_for(action).values()
        names = (getattr(adapter, "dependency", None) for adapter in adapters)
        return tuple(dict.fromkeys(name for name in names if name is not None))

    def open(
        self, action: ActionSpec, connection: Connection, events: Sequence[Event]
    ) -> dict[str, Transactional]:
        """Adapters over one transaction, by parameter name."""
        return {
            name: self.transactional[port](connection, events)
            for name, port in action.ports.items()
            if port in self.transactional
        }


def calls_outside(step: Step) -> bool:
    """Whether the step's action makes calls that no transaction covers."""
    return Effects in step.action.ports.values()


def envelope_argument(action: ActionSpec, envelope: Envelope) -> dict[str, Any]:
    """Keyword argument of the envelope, where the action asks for it."""
    return {} if action.envelope_parameter is None else {action.envelope_parameter: envelope}
