"""A workflow as a value to read, check and draw, and the ports that its actions need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy.engine import Connection

from actions.action import ActionSpec, Effect, spec_of
from actions.ports import Effects, Identity
from topics.envelope import Envelope
from topics.events import Event


class WorkflowError(ValueError):
    """The steps make no valid workflow; the message names the step and the change."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a transient failure is retried before its letter is parked for a person."""

    inline_attempts: int = 3
    inline_delay: timedelta = timedelta(milliseconds=50)
    """Doubled twice (x4) per attempt, with full jitter."""
    inline_budget: timedelta = timedelta(seconds=2)
    delays: tuple[timedelta, ...] = (
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=6),
    )
    """When a letter of generation 0, 1, … is due; there are as many generations as delays."""
    jitter: float = 0.2
    give_up_after: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Step:
    """One event, the action that reads it, and the events that may follow."""

    reads: type[Event]
    action: ActionSpec
    emits: tuple[type[Event], ...]
    retry: RetryPolicy

    @property
    def name(self) -> str:
        """Name of the step, which is its action's name."""
        return self.action.name


@dataclass(frozen=True, slots=True)
class _When:
    event: type[Event]

    def do(self, function: Callable[..., object], *, retry: RetryPolicy | None = None) -> _Doing:
        """Name the action that reads the event."""
        return _Doing(self.event, spec_of(function), retry or RetryPolicy())


@dataclass(frozen=True, slots=True)
class _Doing:
    event: type[Event]
    action: ActionSpec
    retry: RetryPolicy

    def then(self, *events: type[Event]) -> Step:
        """Name the events that may follow. Raise `WorkflowError` when the action's signature has others."""
        if self.action.reads is not self.event:
            msg = f"when({self.event.__name__}).do({self.action.name}): the action reads {self.action.reads.__name__}"
            raise WorkflowError(msg)
        if set(events) != set(self.action.emits):
            stated = ", ".join(event.__name__ for event in self.action.emits)
            named = ", ".join(event.__name__ for event in events)
            msg = f"when({self.event.__name__}).do({self.action.name}).then({named}): the action states {stated}"
            raise WorkflowError(msg)
        return Step(self.event, self.action, events, self.retry)


def when(event: type[Event]) -> _When:
    """Start a step: `when(LeadAssigned).do(my_action).then(MyEvent)`."""
    return _When(event)


@dataclass(frozen=True)
class Workflow:
    """The graph of one process, checked when it is created.

    Some step emits every event that is read. No action and no effect occurs in two steps.
    """

    name: str
    steps: tuple[Step, ...] = field(default=())

    def __init__(self, name: str, *steps: Step) -> None:
        """Take the steps in reading order. Raise `WorkflowError`."""
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "steps", steps)
        self._check()

    def _check(self) -> None:
        seen: dict[str, Step] = {}
        effects: dict[str, Step] = {}
        stated = {step.reads for step in self.steps if step.reads.is_public} | {
            event for step in self.steps for event in step.emits
        }
        for step in self.steps:
            if step.name in seen:
                msg = f"workflow {self.name}: action {step.name} stands in two steps; an action has one place"
                raise WorkflowError(msg)
            seen[step.name] = step
            if step.reads not in stated:
                msg = f"workflow {self.name}: {step.name} reads {step.reads.__name__}, which no step states"
                raise WorkflowError(msg)
            effect = step.action.effect
            if effect is not None and effects.setdefault(effect.name, step) is not step:
                # Each would mistake the other's call for its own.
                other = effects[effect.name].name
                msg = f"workflow {self.name}: {other} and {step.name} both have the effect {effect.name!r}; rename one"
                raise WorkflowError(msg)

    def step(self, action: str) -> Step:
        """Find an action's step by its snake_case or kebab-case name. Raise KeyError that lists the known names."""
        name = action.replace("-", "_")
        for step in self.steps:
            if step.name == name:
                return step
        msg = f"workflow {self.name} has no action {action!r}; it has {', '.join(s.action.kebab for s in self.steps)}"
        raise KeyError(msg)

    def reading(self, event: type[Event]) -> tuple[Step, ...]:
        """Return the steps that read this event."""
        return tuple(step for step in self.steps if step.reads is event)

    def steps_of(self, event: type[Event]) -> tuple[Step, ...]:
        """Return the steps that an event and its results go through, in reading order."""
        reached = {event}
        while more := {each for step in self.steps if step.reads in reached for each in step.emits} - reached:
            reached |= more
        return tuple(step for step in self.steps if step.reads in reached)

    def with_effect(self, name: str, **changes: Any) -> Workflow:  # noqa: ANN401 - fields of Effect
        """Return the workflow with another rule for one effect: `with_effect("welcome", when_uncertain="repeat")`.

        Raise KeyError when no step has an effect of this name.
        """
        if name not in {effect.name for effect in self.effects}:
            raise KeyError(name)

        def changed(step: Step) -> Step:
            effect = step.action.effect
            if effect is None or effect.name != name:
                return step
            return replace(step, action=replace(step.action, effect=replace(effect, **changes)))

        return Workflow(self.name, *map(changed, self.steps))

    @property
    def effects(self) -> tuple[Effect, ...]:
        """The calls outside that its actions declare, in reading order."""
        return tuple(step.action.effect for step in self.steps if step.action.effect is not None)

    @property
    def inputs(self) -> tuple[type[Event], ...]:
        """The events that are read, in reading order."""
        return tuple(dict.fromkeys(step.reads for step in self.steps))

    def mermaid(self) -> str:
        """Draw the workflow as a Mermaid flowchart."""
        lines = ["flowchart LR"]
        for step in self.steps:
            lines.append(
                f"    {step.reads.__name__}([{step.reads.__name__}]) --> {step.name}[{step.action.kebab}]"
            )
            lines += [f"    {step.name} --> {event.__name__}([{event.__name__}])" for event in step.emits]
        return "\n".join(lines)


class PortError(LookupError):
    """An action needs a port that is not bound, or two kinds of port that exclude each other."""


class Transactional(Protocol):
    """An adapter over one transaction and one batch; see `streams.store.contacts.SqlContacts`."""

    def keep(self) -> None:
        """Keep what the action staged, because it succeeded."""
        ...

    def drop(self) -> None:
        """Discard what the action staged, because it failed."""
        ...

    def flush(self, now_us: int) -> None:
        """Write what was kept."""
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
        """Return the keyword arguments that are the same for every record."""
        return {name: self.shared[port] for name, port in action.ports.items() if port in self.shared}

    def dependencies_of(self, action: ActionSpec) -> tuple[str, ...]:
        """Return the names of the servers that the action's calls need, from its adapters' `dependency`, if any."""
        adapters = self.shared_for(action).values()
        names = (getattr(adapter, "dependency", None) for adapter in adapters)
        return tuple(dict.fromkeys(name for name in names if name is not None))

    def key_of_phone(self, phone: str) -> str:
        """Return the contact key of an E.164 phone; the phone itself where no identity is bound."""
        identity = self.shared.get(Identity)
        return phone if identity is None else identity.contact_key(email=None, phone=phone)  # type: ignore[attr-defined]  # ports are bound by type

    def may_repeat(self, action: ActionSpec) -> bool:
        """Whether an interrupted call of the action may be repeated.

        It may when the effect declares it, or when the other side drops duplicates by their key (`drops_copies` of the
        adapters). Every adapter with that attribute must set it, since any of them may have made the call.
        """
        adapters = self.shared_for(action).values()
        drops = [bool(adapter.drops_copies) for adapter in adapters if hasattr(adapter, "drops_copies")]
        is_declared = action.effect is not None and action.effect.when_uncertain == "repeat"
        return is_declared or (bool(drops) and all(drops))

    def open(
        self, action: ActionSpec, connection: Connection, events: Sequence[Event]
    ) -> dict[str, Transactional]:
        """Return adapters over one transaction, by parameter name."""
        return {
            name: self.transactional[port](connection, events)
            for name, port in action.ports.items()
            if port in self.transactional
        }


def calls_outside(step: Step) -> bool:
    """Whether the step's action makes a call that no transaction covers."""
    return step.action.effect is not None


def envelope_argument(action: ActionSpec, envelope: Envelope) -> dict[str, Any]:
    """Return the keyword argument for the envelope, if the action takes one."""
    return {} if action.envelope_parameter is None else {action.envelope_parameter: envelope}
