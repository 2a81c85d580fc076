"""This file makes a workflow a value that one can read, check and draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from actions.action import ActionSpec, spec_of
from topics.events import Event, LeadReceived


class WorkflowError(ValueError):
    """The steps do not make a workflow; the message names the step and what to change."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a transient failure is tried again before a person is asked (contracts.md, retry policy)."""

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


STORE = RetryPolicy()
PATIENT = RetryPolicy()


@dataclass(frozen=True, slots=True)
class Step:
    """One event, the action that reads it, and the events that may follow."""

    reads: type[Event]
    action: ActionSpec
    states: tuple[type[Event], ...]
    retry: RetryPolicy

    @property
    def name(self) -> str:
        """Name of the step: that of its action."""
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
        """Name the events that may follow. Raises `WorkflowError` when the action's signature says otherwise."""
        if self.action.reads is not self.event:
            msg = f"when({self.event.__name__}).do({self.action.name}): the action reads {self.action.reads.__name__}"
            raise WorkflowError(msg)
        if set(events) != set(self.action.states):
            stated = ", ".join(event.__name__ for event in self.action.states)
            named = ", ".join(event.__name__ for event in events)
            msg = f"when({self.event.__name__}).do({self.action.name}).then({named}): the action states {stated}"
            raise WorkflowError(msg)
        return Step(self.event, self.action, events, self.retry)


def when(event: type[Event]) -> _When:
    """Begin a step: `when(LeadReceived).do(validate_lead).then(LeadValidated, LeadRejected)`."""
    return _When(event)


@dataclass(frozen=True)
class Workflow:
    """The graph of one process. Checked when it is made: every event read is stated by a step, no action twice."""

    name: str
    steps: tuple[Step, ...] = field(default=())

    def __init__(self, name: str, *steps: Step) -> None:
        """Take the steps in reading order. Raises `WorkflowError`."""
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "steps", steps)
        self._check()

    def _check(self) -> None:
        seen: dict[str, Step] = {}
        stated = {LeadReceived} | {event for step in self.steps for event in step.states}
        for step in self.steps:
            if step.name in seen:
                msg = f"workflow {self.name}: action {step.name} stands in two steps; an action has one place"
                raise WorkflowError(msg)
            seen[step.name] = step
            if step.reads not in stated:
                msg = f"workflow {self.name}: {step.name} reads {step.reads.__name__}, which no step states"
                raise WorkflowError(msg)

    def step(self, action: str) -> Step:
        """Find the step of an action by its snake_case or kebab-case name. Raises KeyError with the names there are."""
        name = action.replace("-", "_")
        for step in self.steps:
            if step.name == name:
                return step
        msg = f"workflow {self.name} has no action {action!r}; it has {', '.join(s.action.kebab for s in self.steps)}"
        raise KeyError(msg)

    def reading(self, event: type[Event]) -> tuple[Step, ...]:
        """Give the steps that read this event."""
        return tuple(step for step in self.steps if step.reads is event)

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
            lines += [f"    {step.name} --> {event.__name__}([{event.__name__}])" for event in step.states]
        return "\n".join(lines)
