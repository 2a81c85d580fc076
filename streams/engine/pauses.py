"""Which steps pause and why: a dependency that fails, a flood of letters, or a person."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from streams.clock import Clock
from streams.engine.circuit_breaker import CircuitBreaker
from streams.engine.handover import RecordBatch

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
FLOOD_WITHIN = timedelta(minutes=1)

Kind = Literal["dependency", "flood", "person"]
FLOODING = frozenset({"transient", "throttled", "uncertain", "defect"})
"""Classes that point to us or the other side. Those that a publisher causes (poison, invalid, rejected) never pause."""
FAILING = frozenset({"transient", "throttled", "uncertain"})
"""Classes of a call that show that its dependency fails."""
ANSWERING = frozenset({None, "rejected"})
"""Classes of a call that show that its dependency answers: a result, or a permanent refusal."""


@dataclass(frozen=True, slots=True)
class PauseRules:
    """When a step pauses automatically; each worker counts its own failures."""

    failures: int = 100
    """Consecutive failures of a dependency until its steps pause."""
    failures_within: timedelta = timedelta(minutes=10)
    probe_after: timedelta = timedelta(seconds=1)
    """Time until the first probe; doubled after each probe that fails."""
    probe_at_most: timedelta = timedelta(seconds=10)
    """Longest time between probes: work continues within it, once the dependency is back."""
    letters_per_minute: int = 300
    """Letters of one step until it pauses; its probes add a few."""


@dataclass(frozen=True, slots=True)
class Pause:
    """One reason for which a step pauses."""

    step: str
    kind: Kind
    reason: str
    since: datetime
    by: str | None = None
    """The person who paused it; None when it pauses by itself."""
    next_probe: datetime | None = None
    """When the next probe is due; None when a person has to resume it."""


class StoppingError(Exception):
    """The worker stops or lost the partition: the rest of the batch is left to the partition's next owner."""


class DependencyObserver(Protocol):
    """Observes how a server that steps call answers."""

    def answered(self) -> None:
        """Note that the server did or refused what was requested."""
        ...

    def failed(self, reason: str) -> None:
        """Note that the server was unreachable or could not answer. `reason` holds no personal data."""
        ...


@dataclass(slots=True)
class Permit:
    """Permission to execute; records the outcome afterwards."""

    _step: str
    _flood: CircuitBreaker
    _dependencies: Mapping[str, CircuitBreaker]
    _observers: Mapping[str, DependencyObserver]
    _probes: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Take the probe of every breaker that is open."""
        self._probes = {id(breaker) for breaker in self._all if breaker.begin()}

    @property
    def is_probe(self) -> bool:
        """Whether it is for one execution, which tests whether the step can continue."""
        return bool(self._probes)

    @property
    def capacity(self) -> int:
        """Number of letters that may be written under it."""
        return 1 if self.is_probe else max(self._flood.capacity, 1)

    @property
    def _all(self) -> tuple[CircuitBreaker, ...]:
        return (self._flood, *self._dependencies.values())

    def record(
        self,
        failure_class: str | None,
        *,
        code: str = "",
        has_called: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        """Record an execution's outcome: None when it returned a result, else class and code of its letter.

        `has_called` is whether it called the dependency.
        """
        if failure_class in FLOODING:
            self._note(self._flood, is_bad=True)
        elif failure_class is None:
            self._note(self._flood, is_bad=False)
        if not has_called or failure_class not in ANSWERING | FAILING:
            return
        is_bad = failure_class in FAILING
        for name, breaker in self._dependencies.items():
            self._note(breaker, is_bad=is_bad, retry_after=retry_after, name=name)
            if (observer := self._observers.get(name)) is not None:
                observer.failed(code) if is_bad else observer.answered()

    def end(self) -> None:
        """Return the probes whose execution showed nothing about the other side: another execution may probe."""
        for breaker in self._all:
            if id(breaker) in self._probes:
                breaker.leave()
        self._probes.clear()

    def _note(
        self,
        breaker: CircuitBreaker,
        *,
        is_bad: bool,
        retry_after: timedelta | None = None,
        name: str | None = None,
    ) -> None:
        is_probe = id(breaker) in self._probes
        was_open = breaker.is_open
        if is_bad:
            breaker.failed(is_probe=is_probe, retry_after=retry_after)
        else:
            breaker.succeeded(is_probe=is_probe)
        if is_probe:
            self._probes.discard(id(breaker))
        if breaker.is_open and not was_open:
            log.error("%s pauses: %s", self._step, reason_of(name))
        elif was_open and not breaker.is_open:
            log.info("%s goes on: %s is over", self._step, reason_of(name))


def reason_of(dependency: str | None) -> str:
    """Return why a breaker is open; `name` None means a flood of letters."""
    return (
        "too many of its records became dead letters"
        if dependency is None
        else f"{dependency} fails every time"
    )


class Pauses:
    """The pauses of one worker process; each execution needs a permit from `begin`."""

    def __init__(
        self,
        dependencies: Mapping[str, Sequence[str]],
        rules: PauseRules,
        clock: Clock,
        observe: Callable[[str], DependencyObserver] | None = None,
    ) -> None:
        """`dependencies` maps each step to the servers its calls need. `observe` returns a server's observer."""
        names = dict.fromkeys(name for needed in dependencies.values() for name in needed)
        self._observers = {} if observe is None else {name: observe(name) for name in names}
        breakers = {
            name: CircuitBreaker(
                clock,
                max_failures=rules.failures,
                within=rules.failures_within,
                probe_after=rules.probe_after,
                probe_at_most=rules.probe_at_most,
                in_a_row=True,
            )
            for name in names
        }
        self._needed = {
            step: {name: breakers[name] for name in needed} for step, needed in dependencies.items()
        }
        self._floods = {
            step: CircuitBreaker(
                clock,
                max_failures=rules.letters_per_minute,
                within=FLOOD_WITHIN,
                probe_after=rules.probe_after,
                probe_at_most=rules.probe_at_most,
                in_a_row=False,
            )
            for step in dependencies
        }
        self.by_hand: Mapping[str, Pause] = {}
        """Pauses by a person, by step; from the store, a few seconds old."""
        self.cancelled: frozenset[str] = frozenset()
        """Correlation ids of runs that a person cancelled; from the store, too."""
        self._is_stopping = False

    def stop(self) -> None:
        """End every `wait`."""
        self._is_stopping = True

    def begin(self, step: str) -> Permit | None:
        """Return the permit for one execution of the step (or a batch of them); None while the step is paused."""
        if self.is_paused(step):
            return None
        return Permit(step, self._floods[step], self._needed[step], self._observers)

    def is_paused(self, step: str) -> bool:
        """Whether no execution of the step may start now; False when a probe is due."""
        if step in self.by_hand:
            return True
        return not all(breaker.allows for breaker in self._breakers(step))

    async def wait(self, step: str, batch: RecordBatch) -> None:
        """Wait until the step may execute. Raise `StoppingError` when the worker stops or lost the batch."""
        while self.is_paused(step):
            if self._is_stopping or batch.is_revoked:
                raise StoppingError
            batch.note_progress()  # a pause may last for days; the watchdog must not take it for a hang
            await asyncio.sleep(LOOK_EVERY_S)

    def held(self) -> tuple[Sequence[str], Sequence[str]]:
        """Return the steps whose retries wait, and those of them that one retry may probe; both in kebab-case."""
        held = [step for step in self._floods if self._is_held(step)]
        may_try = [step for step in held if not self.is_paused(step)]
        return [_kebab(step) for step in held], [_kebab(step) for step in may_try]

    def now(self) -> list[Pause]:
        """Return the automatic pauses, with their reasons."""
        return [
            Pause(step, kind, reason_of(name), breaker.opened_at, next_probe=breaker.next_probe)
            for step in self._floods
            for kind, name, breaker in self._named(step)
            if breaker.opened_at is not None
        ]

    def _named(self, step: str) -> list[tuple[Kind, str | None, CircuitBreaker]]:
        needed = self._needed[step].items()
        return [
            ("flood", None, self._floods[step]),
            *(("dependency", name, breaker) for name, breaker in needed),
        ]

    def _is_held(self, step: str) -> bool:
        return step in self.by_hand or any(breaker.is_open for breaker in self._breakers(step))

    def _breakers(self, step: str) -> tuple[CircuitBreaker, ...]:
        return (self._floods[step], *self._needed[step].values())


def _kebab(step: str) -> str:
    return step.replace("_", "-")
