"""The values between an agent and its batch handler: a batch of records, and those that could not start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from topics.decode import Position, Record


class RecordBatch(Protocol):
    """Records of one topic that are settled together."""

    @property
    def records(self) -> Iterable[Record]:
        """The records, in offset order per partition."""
        ...

    @property
    def is_revoked(self) -> bool:
        """Whether the records go to another worker, so that no more of them may start. Reading has no side effect."""
        ...

    def note_progress(self) -> None:
        """Note that part of the batch was done, or that it waits for a known cause."""
        ...


@dataclass(slots=True)
class Records:
    """A `RecordBatch` without an observer."""

    records: Sequence[Record]
    is_revoked: bool = False

    def note_progress(self) -> None:
        """See `RecordBatch.note_progress`."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The records of a batch that did not start, and why. It is false when the whole batch is settled."""

    paused_step: str = ""
    """The paused step."""
    positions: Sequence[Position] = ()
    """Positions of the records that did not start: they may not be acknowledged."""

    def __bool__(self) -> bool:
        return bool(self.positions)

    def of(self, records: Iterable[Record]) -> list[Record]:
        """Return those of the batch's records that did not start."""
        places = {(position.partition, position.offset) for position in self.positions}
        return [record for record in records if (record.partition, record.offset) in places]


SETTLED = Unfinished()

BatchHandler = Callable[[RecordBatch], Awaitable[Unfinished]]
"""Settles a batch. When it raises, nothing of the batch may be acknowledged, and the whole batch may be retried."""
