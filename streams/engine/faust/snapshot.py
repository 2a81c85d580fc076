"""A worker's snapshot of its group membership and its progress on the topics it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TopicProgress:
    """How far a worker is with its partitions of one topic."""

    partitions: int = 0
    waiting: int = 0
    """Known records that are not settled, including those passed to agents."""
    given: int = 0
    """Records passed to agents and not settled."""
    settled: int = 0
    """Sum of the offsets up to which its partitions are settled."""
    oldest_ms: int | None = None
    """Timestamp of the oldest record that was passed to agents and is not settled, in ms since the epoch."""

    def with_partition(
        self, *, waiting: int, given: int, settled: int, stamps: Sequence[int]
    ) -> TopicProgress:
        """Add a partition; `stamps` are timestamps of records passed to agents, in any order."""
        known = stamps if self.oldest_ms is None else (self.oldest_ms, *stamps)
        return TopicProgress(
            self.partitions + 1,
            self.waiting + waiting,
            self.given + given,
            self.settled + settled,
            min(known, default=None),
        )


@dataclass(frozen=True, slots=True)
class ConsumerSnapshot:
    """A worker's state, as its event loop saw it last."""

    is_joined: bool = False
    """Whether it is in its group and no rebalance is under way."""
    polls: int = 0
    """Number of polls for records."""
    topics: Mapping[str, TopicProgress] = field(default_factory=dict)
    heard_at: float | None = None
    """When the broker last answered anything at all, in monotonic seconds."""
