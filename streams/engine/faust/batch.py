"""A batch: the records of a topic that are settled together, and which agents have settled them."""

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
        """`agents` must each settle the batch; `changed` is called whenever one stops working on it."""
        self.parts = parts
        self.is_revoked = False
        """Whether its partitions are being revoked, so no more of it may start. It still counts if it is settled."""
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
        """Whether an agent is working on it."""
        return bool(self._running)

    def begin(self, agent: str) -> bool:
        """Start to work on it; return False when its partitions were revoked meanwhile."""
        if self.is_revoked:
            return False
        self._running.add(agent)
        return True

    def end(self, agent: str, *, is_settled: bool) -> None:
        """Note how the agent's work ended."""
        self._running.discard(agent)
        if is_settled:
            self._left.discard(agent)
        self._changed()


class AgentObserver(Protocol):
    """Observes an agent's progress with its batches."""

    def begin(self, work: object) -> None:
        """Note that the agent starts a batch; `work` is the coroutine that settles it."""
        ...

    def move(self) -> None:
        """Note that part of the batch was done, or that it waits for a known cause."""
        ...

    def end(self, *, is_step: bool) -> None:
        """Note that the agent stopped working on the batch; `is_step` is false when a defect of ours ended it."""
        ...


class Unobserved:
    """An `AgentObserver` that ignores everything."""

    def begin(self, work: object) -> None:
        """See `AgentObserver.begin`."""

    def move(self) -> None:
        """See `AgentObserver.move`."""

    def end(self, *, is_step: bool) -> None:
        """See `AgentObserver.end`."""


@dataclass(frozen=True, slots=True)
class AgentBatch:
    """The engine's `RecordBatch` for one agent of a batch: all its records, or those left."""

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
    """Passes the batch on undecoded: the unit of work decodes it, where an error becomes a dead letter."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:  # noqa: ANN401
        """Return None: a batch has no single key."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> Batch:  # noqa: ANN401, ARG002
        """Return the batch itself."""
        return message.value  # type: ignore[no-any-return]
