"""Kills a worker at a chosen point, after which it reaches neither store, broker nor the outside world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


class CrashError(BaseException):
    """The worker is dead. A `BaseException`, so that `except Exception` does not let it continue."""


@dataclass
class Life:
    """One worker's life: the points it passed, and the one at which it ends."""

    ends_at: int | None = None
    """Number of the point, from 1; None: it does not end."""
    points: list[str] = field(default_factory=list)
    is_over: bool = False
    on_end: Callable[[], None] = lambda: None

    def passes(self, point: str) -> None:
        """Record this point, e.g. `after mailer.send`; raise `CrashError` when the life ends here."""
        self.check()
        self.points.append(point)
        if self.ends_at is not None and len(self.points) >= self.ends_at:
            self.is_over = True
            self.on_end()
            raise CrashError(point)

    def check(self) -> None:
        """Raise `CrashError` when its life is over."""
        if self.is_over:
            raise CrashError("the worker is dead")
