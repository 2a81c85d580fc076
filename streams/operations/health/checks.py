"""Judges a worker by its progress: is it alive, is it ready, and what exactly hangs."""

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
    """Something that must get on while it has work."""

    name: str
    mark: object
    """Whatever changes when it gets on."""
    has_work: bool
    is_deadly: bool = True
    """Whether a worker in which it hangs is better ended."""


class StallTimer:
    """Measures how long subjects have had work and did not get on, in time that this process lived through.

    A process that was stopped (SIGSTOP, a suspended machine) finds minutes gone when it goes on, in which it could not
    have done anything: between two looks, `longest_look_s` count at most.
    """

    def __init__(self, longest_look_s: float = LONGEST_LOOK_S) -> None:
        """Look at least that often."""
        self._longest_look_s = longest_look_s
        self._lived_s = 0.0
        self._looked_at: float | None = None
        self._since: dict[str, tuple[object, float]] = {}

    def look(self, now: float, subjects: Iterable[Subject]) -> dict[str, float]:
        """Return per subject for how many seconds it has been still; 0 for those that have nothing to do."""
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
    """What is to be said about a worker now; the tuples hold sentences."""

    stuck: tuple[str, ...]
    """What hangs for so long that the worker is better ended; empty: it lives."""
    unready: tuple[str, ...]
    """Why it does not do its work as it should; empty: it does."""
    document: dict[str, Any]
    """All there is to know, for JSON; no personal data."""


class HealthCheck:
    """Judges the progress of one worker, as often as it is asked; any thread may ask."""

    def __init__(
        self, progress: WorkerProgress, *, limit_s: float, wall: Callable[[], float] = time.time
    ) -> None:
        """Who has work and does not get on for `limit_s` is stuck; for half of it, the worker is not ready."""
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
            f"{each.name} has work and has not got on for {still[each.name]:.0f} s"
            for each in subjects
            if each.is_deadly and still[each.name] >= self._limit_s
        )
        unready = (*self._unready(), *self._still(subjects, still))
        return HealthVerdict(stuck, unready, self._document(stuck, unready, still))

    def _subjects(self) -> Iterator[Subject]:
        progress, snapshot = self._progress, self._progress.snapshot
        is_waiting = bool(progress.away)  # rightly so: it goes on when what it waits for is back
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
                yield f"{each.name} has not got on for {still[each.name]:.0f} s"

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
