"""Limits of a replay job: its options, how many letters it may request now, and when it stops or waits."""

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
"""Returns how many live records workers are behind."""


def _sizes(value: object) -> object:
    texts = [value] if isinstance(value, str) else value
    if texts == ["none"]:
        return ()
    if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
        return [size for text in texts for size in text.split(",")]
    return value


def _percentage(value: object) -> object:
    return value.removesuffix("%") if isinstance(value, str) else value


def _number_or_none(value: object) -> object:
    return None if value == "none" else value


class JobOptions(BaseModel):
    """Options of a job, as people write them for a command or a request and as the job's row keeps them."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    rate: Annotated[float, Field(gt=0, le=1_000_000, description="At most so many letters per second.")] = (
        100.0
    )
    max_in_flight: Annotated[
        int, Field(ge=1, le=1_000_000, description="At most so many letters without an outcome.")
    ] = 200
    canary: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...],
        BeforeValidator(_sizes),
        Field(description="Sizes of the first steps, or `none`: each waits for its outcomes."),
    ] = (1, 10, 100)
    stop_if_fail: Annotated[
        float,
        BeforeValidator(_percentage),
        Field(ge=0, le=100, description="Stop when a larger percentage fails."),
    ] = 5.0
    yield_to_lag: Annotated[
        Annotated[int, Field(ge=0, le=1_000_000_000)] | None,
        BeforeValidator(_number_or_none),
        Field(description="Wait while workers are more live records behind than this, or `none`."),
    ] = 1000
    is_forced: Annotated[
        bool,
        Field(
            alias="force",
            description="Also replay letters that would fail again or that have not changed since.",
        ),
    ] = False


UNLIMITED = JobOptions(
    rate=1_000_000, max_in_flight=1_000_000, canary=(), stop_if_fail=100, yield_to_lag=None
)
"""Options of a plain replay: few letters, and a person who waits for them."""


@dataclass(slots=True)
class JobProgress:
    """Progress of a job."""

    status: JobStatus
    counts: dict[str, int]
    """Letters by state."""
    waits_for: str | None = None
    """What the job waits for; None: nothing."""
    message: str | None = None

    @property
    def total(self) -> int:
        """Letters of the job."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """Letters that have an outcome or were skipped."""
        return self.total - self.counts.get("waiting", 0) - self.counts.get("asked", 0)


def capacity(options: JobOptions, done: Mapping[str, int], in_flight: int) -> int:
    """Return how many more letters may be in flight; `done` counts by state since this process began."""
    free = options.max_in_flight - in_flight
    ended = _with_outcome(done)
    step_end = 0
    for size in options.canary:
        step_end += size
        if ended < step_end:
            return min(free, step_end - ended - in_flight)
    return free


def over_failure_limit(options: JobOptions, done: Mapping[str, int]) -> str | None:
    """Return a sentence when more letters failed than the options allow; None otherwise."""
    failed, ended = done.get("failed", 0), _with_outcome(done)
    if failed == 0 or failed * 100 <= options.stop_if_fail * ended:
        return None
    return f"{failed} of {ended} failed, more than {options.stop_if_fail:g} %"


def _with_outcome(done: Mapping[str, int]) -> int:
    return sum(done.get(state, 0) for state in ("resolved", "noop", "failed"))


@dataclass(slots=True)
class TokenBucket:
    """Letters that the rate allows now, in portions of a fifth of a second.

    A portion costs the store about as much as a single letter. What was not used while the job waited is not made up
    for in one burst.
    """

    rate: float
    """Letters a second."""
    _at: float | None = field(default=None, init=False)
    _left: float = field(default=math.inf, init=False)

    def now(self, moment: float) -> int:
        """Return how many letters may be requested at this moment (seconds)."""
        portion = max(self.rate / 5, 1.0)
        before = moment if self._at is None else self._at
        self._left = min(self._left + (moment - before) * self.rate, portion)
        self._at = moment
        return int(self._left) if self._left >= portion else 0

    def use(self, letters: int) -> None:
        """Take out so many letters: they were requested."""
        self._left -= letters


class LiveTraffic:
    """Yields to live traffic: it watches how far workers are behind.

    It runs beside the job, because one look may take as long as many replays.
    """

    def __init__(self, lag: Lag | None, max_lag: int | None) -> None:
        """Allow `max_lag` waiting records; without `lag` or `max_lag` nothing is watched."""
        self._lag = lag
        self._max_lag = max_lag
        is_watched = lag is not None and max_lag is not None
        self.waits_for: str | None = "a look at live traffic" if is_watched else None
        """What the job waits for; None: nothing."""
        self._failed: Exception | None = None

    async def watch(self) -> None:
        """Watch until cancelled."""
        if self._lag is None or self._max_lag is None:
            return
        try:
            while True:
                behind = await self._lag()
                is_late = behind > self._max_lag
                self.waits_for = f"live traffic, {behind:,} records behind" if is_late else None
                await asyncio.sleep(LAG_EVERY_S)
        except Exception as error:  # noqa: BLE001 - `leaves_room` raises it where the job can end with it
            self._failed = error

    def leaves_room(self) -> bool:
        """Return whether the job may request letters. Raise the error that ended `watch`."""
        if self._failed is not None:
            raise self._failed
        return self.waits_for is None
