"""A Kafka record, and its place when it was first consumed."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol


class Record(Protocol):
    """A Kafka record as aiokafka delivers it."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Any: ...  # noqa: ANN401 - a sequence of (str, bytes | None)


class Position(NamedTuple):
    """Where a record was first consumed; a replayed record keeps the one it had."""

    topic: str
    partition: int
    offset: int
    timestamp: int

    @classmethod
    def of(cls, record: Record) -> Position:
        """Position of a record that is read for the first time."""
        return cls(record.topic, record.partition, record.offset, record.timestamp)

    def __str__(self) -> str:
        """`topic/partition/offset`, as `ce_position` has it."""
        return f"{self.topic}/{self.partition}/{self.offset}"
