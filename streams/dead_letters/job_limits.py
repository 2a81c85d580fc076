"""How fast a replay job goes: its options, how many letters more it may ask for, and when it stops or waits."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from streams.store.jobs import JobStatus

LAG_EVERY_S = 0.5
Lag = Callable[[], Awaitable[int]]
"""Returns how many records live traffic waits for."""


def _sizes(given: object) -> object:
    texts = [given] if isinstance(given, str) else given
    if texts == ["none"]:
        return ()
    if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
        return [size for text in texts for size in text.split(",")]
    return given


def _percentage(given: object) -> object:
    return given.removesuffix("%") if isinstance(given, str) else given


def _number_or_none(given: object) -> object:
    return None if given == "none" else given


class JobOptions(BaseModel):
    """How a job goes about it, as people write it for a command or a request, or as a job's row keeps it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    rate: Annotated[float, Field(gt=0, le=1_000_000, description="Letters a second, at most.")] = 100.0
    max_in_flight: Annotated[
        int, Field(ge=1, le=1_000_000, description="Letters without an outcome, at most.")
    ] = 200
    canary: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...],
        BeforeValidator(_sizes),
        Field(description="Sizes of the first steps, or `none`: each waits for its outcomes."),
    ] = (1, 10, 100)
    stop_if_fail: Annotated[
        float,
        BeforeValidator(_percentage),
        Field(ge=0, le=100, description="Stop when more than that fail."),
    ] = 5.0
    yield_to_lag: Annotated[
        Annotated[int, Field(ge=0, le=1_000_000_000)] | None,
        BeforeValidator(_number_or_none),
        Field(description="Wait while workers are so many live records behind, or `none`."),
    ] = 1000
    is_forced: Annotated[
        bool,
        Field(
            alias="force",
            description="Ask, too, for what would fail again, or of which nothing has changed.",
        ),
    ] = False


AT_ONCE = JobOptions(rate=1_000_000, max_in_flight=1_000_000, canary=(), stop_if_fail=100, yield_to_lag=None)
"""For few letters that a person waits for."""


@dataclass(slots=True)
class JobProgress:
    """How far a job is."""

    status: JobStatus
    counts: dict[str, int]
    """Letters by state."""
    waits_for: str | None = None
    message: str | None = None

    @property
    def total(self) -> int:
        """Letters of the job."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """Letters of which the outcome is known, or that were skipped."""
        return self.total - self.counts.get("waiting", 0) - self.counts.get("asked", 0)


def capacity(options: JobOptions, done: Mapping[str, int], in_flight: int) -> int:
    """Return how many letters more may be in flight; `done` counts by state since this process began."""
    free = options.max_in_flight - in_flight
    ended = _with_outcome(done)
    step_end = 0
    for size in options.canary:
        step_end += size
        if ended < step_end:
            return min(free, step_end - ended - in_flight)
    return free


def over_failure_limit(options: JobOptions, done: Mapping[str, int]) -> str | None:
    """Return a sentence when more have failed than may; None: no."""
    failed, ended = done.get("failed", 0), _with_outcome(done)
    if failed == 0 or failed * 100 <= options.stop_if_fail * ended:
        return None
    return f"{failed} of {ended} failed, more than {options.stop_if_fail:g} %"


def _with_outcome(done: Mapping[str, int]) -> int:
    return sum(done.get(state, 0) for state in ("resolved", "noop", "failed"))


@dataclass(slots=True)
class TokenBucket:
    """Letters that the rate allows now, in portions of a fifth of a second.

    What was not used while the job waited is not made up for in one burst; and a portion costs the store about as much
    as one letter does.
    """

    rate: float
    """Letters a second."""
    _at: float | None = field(default=None, init=False)
    _left: float = field(default=math.inf, init=False)

    def now(self, moment: float) -> int:
        """Return how many letters may be asked for at this moment (seconds)."""
        portion = max(self.rate / 5, 1.0)
        before = moment if self._at is None else self._at
        self._left = min(self._left + (moment - before) * self.rate, portion)
        self._at = moment
        return int(self._left) if self._left >= portion else 0

    def use(self, letters: int) -> None:
        """Take so many out: they were asked for."""
        self._left -= letters


class LiveTraffic:
    """Lets live traffic go first: it looks beside the job how far workers are behind.

    A look may take as long as many replays.
    """

    def __init__(self, lag: Lag | None, most: int | None) -> None:
        """`most` records may wait; without one of both nothing is looked at."""
        self._lag = lag
        self._most = most
        is_watched = lag is not None and most is not None
        self.waits_for: str | None = "a look at live traffic" if is_watched else None
        """For what the job waits; None: it need not."""
        self._failed: Exception | None = None

    async def watch(self) -> None:
        """Look until cancelled."""
        if self._lag is None or self._most is None:
            return
        try:
            while True:
                behind = await self._lag()
                is_late = behind > self._most
                self.waits_for = f"live traffic, {behind:,} records behind" if is_late else None
                await asyncio.sleep(LAG_EVERY_S)
        except Exception as error:  # noqa: BLE001 - the job raises it, which can do something about it
            self._failed = error

    def leaves_room(self) -> bool:
        """Whether the job may ask. Raise what looking raised."""
        if self._failed is not None:
            raise self._failed
        return self.waits_for is None
