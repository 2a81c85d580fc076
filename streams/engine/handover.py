"""The values passed between an agent and the code that settles its batches."""

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
        """Whether the records go to another worker, so that no further work on them may start. Has no side effect."""
        ...

    def note_progress(self) -> None:
        """Note that something of the batch was done, or that it waits for a known cause."""
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
    """The records of a batch that were not started, and why. False when the whole batch is settled."""

    paused_step: str = ""
    """The step that pauses."""
    positions: Sequence[Position] = ()
    """Positions of the records that were not started: they may not be acknowledged."""

    def __bool__(self) -> bool:
        return bool(self.positions)

    def of(self, records: Iterable[Record]) -> list[Record]:
        """Return those of the batch's records that were not started."""
        places = {(position.partition, position.offset) for position in self.positions}
        return [record for record in records if (record.partition, record.offset) in places]


SETTLED = Unfinished()

BatchHandler = Callable[[RecordBatch], Awaitable[Unfinished]]
"""Settles a batch. When it raises, nothing of the batch may be acknowledged, and the whole batch may come again."""
