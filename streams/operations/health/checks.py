"""Judges a worker by its progress: whether it is alive, whether it is ready, and what hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from streams.operations.health.progress import NEEDED, WorkerProgress

LOOP = "the event loop"
FETCHING = "fetching records"
LONGEST_LOOK_S = 2.0


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that must make progress while it has work."""

    name: str
    mark: object
    """A value that changes whenever it makes progress."""
    has_work: bool
    is_deadly: bool = True
    """Whether the worker should be ended when this hangs."""


class StallTimer:
    """Measures how long subjects have had work without progress, counting only time in which this process ran.

    A process that was stopped (SIGSTOP, a suspended machine) could do nothing in the minutes it missed: between two
    looks at most `longest_look_s` count.
    """

    def __init__(self, longest_look_s: float = LONGEST_LOOK_S) -> None:
        """`look` must be called at least every `longest_look_s`."""
        self._longest_look_s = longest_look_s
        self._lived_s = 0.0
        self._looked_at: float | None = None
        self._since: dict[str, tuple[object, float]] = {}

    def look(self, now: float, subjects: Iterable[Subject]) -> dict[str, float]:
        """Return for each subject how many seconds it has made no progress; 0 for one without work."""
        if self._looked_at is not None:
            self._lived_s += min(now - self._looked_at, self._longest_look_s)
        self._looked_at = now
        seen: dict[str, tuple[object, float]] = {}
        for subject in subjects:
            mark, since = self._since.get(subject.name, (None, self._lived_s))
            is_still = subject.has_work and mark == subject.mark
            seen[subject.name] = (
                subject.mark if subject.has_work else None,
                since if is_still else self._lived_s,
            )
        self._since = seen
        return {name: self._lived_s - since for name, (_, since) in seen.items()}


@dataclass(frozen=True, slots=True)
class HealthVerdict:
    """The state of a worker at one moment; the tuples hold sentences."""

    stuck: tuple[str, ...]
    """What has hung so long that the worker should be ended; empty when it is live."""
    unready: tuple[str, ...]
    """Why it does not work as it should; empty when it is ready."""
    document: dict[str, Any]
    """The whole state as a JSON document, without personal data."""


class HealthCheck:
    """Judges the progress of one worker; any thread may call it, any number of times."""

    def __init__(
        self, progress: WorkerProgress, *, limit_s: float, wall: Callable[[], float] = time.time
    ) -> None:
        """A subject without progress for `limit_s` is stuck; after half of it the worker is not ready."""
        self._progress = progress
        self._limit_s = limit_s
        self._wall = wall
        self._stall_timer = StallTimer()
        self._lock = threading.Lock()

    def look(self) -> HealthVerdict:
        """Judge now."""
        with self._lock:
            subjects = tuple(self._subjects())
            still = self._stall_timer.look(self._progress.clock(), subjects)
        stuck = tuple(
            f"{each.name} has work and has made no progress for {still[each.name]:.0f} s"
            for each in subjects
            if each.is_deadly and still[each.name] >= self._limit_s
        )
        unready = (*self._unready(), *self._still(subjects, still))
        return HealthVerdict(stuck, unready, self._document(stuck, unready, still))

    def _subjects(self) -> Iterator[Subject]:
        progress, snapshot = self._progress, self._progress.snapshot
        is_waiting = bool(progress.away)  # not a hang: it continues when the dependency is back
        yield Subject(LOOP, progress.beats, has_work=progress.beats > 0)
        yield Subject(FETCHING, snapshot.polls, has_work=bool(snapshot.topics) and snapshot.is_joined)
        for part in progress.parts.values():
            yield Subject(part.name, part.steps, has_work=part.is_busy and not is_waiting)
        for topic, at in snapshot.topics.items():
            steps = sum(part.steps for part in progress.parts.values() if part.topic == topic)
            mark = (at.settled, steps)
            yield Subject(f"what was handed over of {topic}", mark, at.given > 0 and not is_waiting)
            yield Subject(f"the lag of {topic}", mark, at.waiting > 0, is_deadly=False)

    def _unready(self) -> Iterator[str]:
        if not self._progress.snapshot.is_joined:
            yield "it is not in its group: it has just started, or a rebalance is under way"
        for name in NEEDED:
            if (trouble := self._progress.dependencies[name].trouble) is not None:
                yield f"{name}: {trouble}"

    def _still(self, subjects: Iterable[Subject], still: dict[str, float]) -> Iterator[str]:
        for each in subjects:
            if still[each.name] >= self._limit_s / 2:
                yield f"{each.name} has made no progress for {still[each.name]:.0f} s"

    def _document(
        self, stuck: tuple[str, ...], unready: tuple[str, ...], still: dict[str, float]
    ) -> dict[str, Any]:
        progress, now_ms = self._progress, self._wall() * 1000
        topics = {
            topic: {
                "partitions": at.partitions,
                "waiting": at.waiting,
                "given": at.given,
                "oldest_unsettled_s": (
                    None if at.oldest_ms is None else _seconds(max(0.0, now_ms - at.oldest_ms) / 1000)
                ),
            }
            for topic, at in sorted(progress.snapshot.topics.items())
        }
        dependencies = {
            name: {"seen_s": _seconds(each.seen_s), "trouble": each.trouble}
            for name, each in progress.dependencies.items()
        }
        parts = {
            name: {"is_busy": part.is_busy, "still_s": _seconds(still.get(name, 0.0))}
            for name, part in progress.parts.items()
        }
        return {
            "live": not stuck,
            "ready": not unready,
            "because": [*stuck, *(reason for reason in unready if reason not in stuck)],
            "topics": topics,
            "dependencies": dependencies,
            "parts": parts,
        }


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
