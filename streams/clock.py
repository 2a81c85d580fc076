"""What time it is, and moments as the store keeps them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the current time in UTC; the clock of a worker."""
    return datetime.now(UTC)


def to_us(moment: datetime) -> int:
    """Microseconds since the epoch."""
    return int(moment.timestamp() * 1_000_000)


def from_us(microseconds: int) -> datetime:
    """Moment of microseconds since the epoch."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)
