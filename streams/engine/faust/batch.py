"""A batch: the records of a topic that are settled together, and how far their settling is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from faust import Schema
from faust.types import TP

from topics.decode import Record


class Batch:
    """The records of one topic from one poll, in offset order per partition, and the agents that must settle them."""

    __slots__ = ("_changed", "_left", "_running", "is_revoked", "parts")

    def __init__(
        self, parts: Mapping[TP, list[Record]], agents: Iterable[str], changed: Callable[[], None]
    ) -> None:
        """`agents` must each settle the batch; `changed` is called whenever one ends."""
        self.parts = parts
        self.is_revoked = False
        """Whether it was revoked: no further work on it starts. Work that ends anyway counts."""
        self._left = set(agents)
        self._running: set[str] = set()
        self._changed = changed

    def __len__(self) -> int:
        """Number of records."""
        return sum(map(len, self.parts.values()))

    @property
    def records(self) -> Iterator[Record]:
        """The records, in offset order per partition."""
        for records in self.parts.values():
            yield from records

    @property
    def is_settled(self) -> bool:
        """Whether every agent settled it: only then its offsets may be committed."""
        return not self._left

    @property
    def is_running(self) -> bool:
        """Whether an agent is at work on it."""
        return bool(self._running)

    def begin(self, agent: str) -> bool:
        """Start to work on it; False when its partitions were revoked meanwhile."""
        if self.is_revoked:
            return False
        self._running.add(agent)
        return True

    def end(self, agent: str, *, is_settled: bool) -> None:
        """Record how the agent's work ended."""
        self._running.discard(agent)
        if is_settled:
            self._left.discard(agent)
        self._changed()


class AgentObserver(Protocol):
    """Observes the progress of an agent."""

    def begin(self, work: object) -> None:
        """Note that the agent starts a batch; `work` is the coroutine that settles it."""
        ...

    def move(self) -> None:
        """Something of the batch was done, or it waits for a known cause."""
        ...

    def end(self, *, is_step: bool) -> None:
        """The agent's work on the batch ended. `is_step` is false when a defect of ours ended it."""
        ...


class Unobserved:
    """An `AgentObserver` that observes nothing."""

    def begin(self, work: object) -> None:
        """See `AgentObserver.begin`."""

    def move(self) -> None:
        """See `AgentObserver.move`."""

    def end(self, *, is_step: bool) -> None:
        """See `AgentObserver.end`."""


@dataclass(frozen=True, slots=True)
class AgentBatch:
    """A batch as one of its agents passes it to the engine: a `RecordBatch`, whole or the rest of it."""

    batch: Batch
    records: Sequence[Record]
    observer: AgentObserver

    @property
    def is_revoked(self) -> bool:
        """See `RecordBatch.is_revoked`."""
        return self.batch.is_revoked

    def note_progress(self) -> None:
        """See `RecordBatch.note_progress`."""
        self.observer.move()


class BatchSchema(Schema[Any, Any]):
    """Hands the batch through: decoding is part of the unit of work, where an error becomes a dead letter."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:  # noqa: ANN401
        """None: a batch has no single key."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> Batch:  # noqa: ANN401, ARG002
        """The batch itself."""
        return message.value  # type: ignore[no-any-return]
