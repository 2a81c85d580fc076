"""Records a worker's progress: what each of its parts did last, and how the servers it needs answered.

It probes no server: a server counts as reachable when the work that last needed it reached it. One thread writes an
entry and any thread may read it, so no lock is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from streams.engine.faust.snapshot import ConsumerSnapshot

STORE, BROKER = "store", "broker"
NEEDED = (STORE, BROKER)
"""Without these no record can be settled."""
UNANSWERED_S = 10.0
"""A request without an answer for longer is reported as trouble."""


@dataclass(slots=True)
class Part:
    """An independent part of a worker: an agent or a timer."""

    name: str
    topic: str | None = None
    """Full name of the topic that an agent reads."""
    is_busy: bool = False
    """Whether it has begun a piece of work and not ended it yet."""
    steps: int = 0
    """Counts all signs of progress, and waits with a known cause."""
    work: object = None
    """The coroutine it is busy with; its stack shows where that is."""

    def begin(self, work: object = None) -> None:
        """Note that it begins a piece of work."""
        self.is_busy, self.work = True, work

    def move(self) -> None:
        """Note progress."""
        self.steps += 1

    def end(self, *, is_step: bool) -> None:
        """Note that it is done or gave up for now; `is_step`: that was progress, or has a known cause."""
        self.is_busy, self.work = False, None
        self.steps += is_step


class Dependency:
    """A server outside the process, as the work last experienced it."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns monotonic seconds."""
        self.name = name
        self._clock = clock
        self._asked_at: float | None = None
        self._answered_at: float | None = None
        self._failing_since: float | None = None
        self._silent_since: float | None = None
        self._reason = ""

    def asked(self) -> None:
        """Note a request to it; there is at most one open at a time."""
        self._asked_at = self._clock()

    def answered(self) -> None:
        """Note that it did what was requested, or refused to."""
        self._answered_at = self._clock()
        self._asked_at = self._failing_since = None

    def failed(self, reason: str) -> None:
        """Note that it could not be reached or could not answer. `reason` holds no personal data."""
        self._asked_at = None
        self._reason = reason
        if self._failing_since is None:
            self._failing_since = self._clock()

    def silent(self, since: float | None) -> None:
        """Note since when (seconds of this clock) nothing was heard from it; None while it is heard."""
        self._silent_since = since

    @property
    def is_away(self) -> bool:
        """Whether it is known to be away, so that waiting is all the worker can do."""
        return self._failing_since is not None or self._silent_since is not None

    @property
    def trouble(self) -> str | None:
        """Return a description of what is wrong with it; None when nothing is."""
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
        """Return the seconds since it last answered a request; None when it never did."""
        return None if self._answered_at is None else self._clock() - self._answered_at


class WorkerProgress:
    """The progress of one worker: all its parts and dependencies."""

    def __init__(self, *, silent_after_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """A broker that sends no answer for `silent_after_s` counts as away."""
        self.clock = clock
        self.parts: dict[str, Part] = {}
        self.dependencies = {name: Dependency(name, clock) for name in NEEDED}
        self.snapshot = ConsumerSnapshot()
        self.beats = 0
        """How many times the event loop has run the heartbeat."""
        self._silent_after_s = silent_after_s

    def part(self, name: str, topic: str | None = None) -> Part:
        """Return the part of this name, a new one if there is none."""
        if name not in self.parts:
            # A new dict here and below, because another thread may be iterating over the old one.
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
        # Only a beat judges silence: while the loop is blocked nothing is received, so the broker cannot be blamed.
        heard_at = self.snapshot.heard_at
        is_silent = heard_at is not None and self.clock() - heard_at > self._silent_after_s
        self.dependencies[BROKER].silent(heard_at if is_silent else None)

    @property
    def away(self) -> tuple[str, ...]:
        """Names of the needed dependencies that are known to be away."""
        return tuple(name for name in NEEDED if self.dependencies[name].is_away)
