"""A worker's progress: what each part of it did last, and how the servers answered that it needs.

It does nothing by itself and asks nobody: a server is as reachable as it was when the work last needed it. Each entry
is written by one thread and read by any: no lock is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from streams.engine.faust.snapshot import ConsumerSnapshot

STORE, BROKER = "store", "broker"
NEEDED = (STORE, BROKER)
"""Without these nothing at all can be settled."""
UNANSWERED_S = 10.0
"""A question that is open for longer is told as trouble."""


@dataclass(slots=True)
class Part:
    """Something a worker does on its own: an agent, a timer."""

    name: str
    topic: str | None = None
    """What an agent reads, by its full name."""
    is_busy: bool = False
    """Whether it has taken something up and not ended it yet."""
    steps: int = 0
    """Grows with everything that shows that it gets on, or knows what it waits for."""
    work: object = None
    """The coroutine it is busy with, to tell where that is."""

    def begin(self, work: object = None) -> None:
        """It takes something up."""
        self.is_busy, self.work = True, work

    def move(self) -> None:
        """It got on."""
        self.steps += 1

    def end(self, *, is_step: bool) -> None:
        """It is done, or gave up for now; `is_step` says whether that got it on, or at least has a known cause."""
        self.is_busy, self.work = False, None
        self.steps += is_step


class Dependency:
    """Something beyond the process, as last seen from the work itself."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives monotonic seconds."""
        self.name = name
        self._clock = clock
        self._asked_at: float | None = None
        self._answered_at: float | None = None
        self._failing_since: float | None = None
        self._silent_since: float | None = None
        self._reason = ""

    def asked(self) -> None:
        """A question was put to it, of which there is one at a time."""
        self._asked_at = self._clock()

    def answered(self) -> None:
        """It did what it was asked for, or refused it."""
        self._answered_at = self._clock()
        self._asked_at = self._failing_since = None

    def failed(self, reason: str) -> None:
        """It could not be reached, or could not answer. `reason` holds no personal data."""
        self._asked_at = None
        self._reason = reason
        if self._failing_since is None:
            self._failing_since = self._clock()

    def silent(self, since: float | None) -> None:
        """Note since when (this clock's seconds) it owes a sign of life; None: it gives them."""
        self._silent_since = since

    @property
    def is_away(self) -> bool:
        """Whether it is known that waiting for it is all one can do."""
        return self._failing_since is not None or self._silent_since is not None

    @property
    def trouble(self) -> str | None:
        """What is wrong with it, in words; None when nothing is."""
        now = self._clock()
        if self._failing_since is not None:
            return f"{self._reason}, for {now - self._failing_since:.0f} s"
        if self._silent_since is not None:
            return f"not heard of for {now - self._silent_since:.0f} s"
        if self._asked_at is not None and now - self._asked_at > UNANSWERED_S:
            return f"no answer for {now - self._asked_at:.0f} s"
        return None

    @property
    def seen_s(self) -> float | None:
        """Seconds since it last did what it was asked for; None when it never was, or never did."""
        return None if self._answered_at is None else self._clock() - self._answered_at


class WorkerProgress:
    """The progress of one worker: all its parts and dependencies."""

    def __init__(self, *, silent_after_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """A broker that answers nothing for `silent_after_s` counts as away."""
        self.clock = clock
        self.parts: dict[str, Part] = {}
        self.dependencies = {name: Dependency(name, clock) for name in NEEDED}
        self.snapshot = ConsumerSnapshot()
        self.beats = 0
        """How often the event loop had a turn to say so."""
        self._silent_after_s = silent_after_s

    def part(self, name: str, topic: str | None = None) -> Part:
        """Return the part of this name, a new one if there is none."""
        if name not in self.parts:
            # A new dict, here and below: another thread may be stepping through the old one.
            self.parts = {**self.parts, name: Part(name, topic)}
        return self.parts[name]

    def dependency(self, name: str) -> Dependency:
        """Return the dependency of this name, a new one if there is none."""
        if name not in self.dependencies:
            self.dependencies = {**self.dependencies, name: Dependency(name, self.clock)}
        return self.dependencies[name]

    def beat(self, snapshot: ConsumerSnapshot | None) -> None:
        """Note that the event loop runs, and where the worker stands; None while the engine is down."""
        self.beats += 1
        heard_at = self.snapshot.heard_at
        self.snapshot = snapshot or ConsumerSnapshot(heard_at=heard_at)
        # Told by the beat and not by who asks: while the loop is blocked nobody listens, so nobody was silent.
        heard_at = self.snapshot.heard_at
        is_silent = heard_at is not None and self.clock() - heard_at > self._silent_after_s
        self.dependencies[BROKER].silent(heard_at if is_silent else None)

    @property
    def away(self) -> tuple[str, ...]:
        """Names of the needed dependencies that are known to be away."""
        return tuple(name for name in NEEDED if self.dependencies[name].is_away)
