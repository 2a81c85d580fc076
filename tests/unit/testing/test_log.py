"""Holds the in-memory log to the suite that a real broker passes, too, and shows how it is away."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from streams.kafka.producer import Outgoing, PublishError
from streams.testing import Clock, LogRecord, MemoryLog
from tests.suites.log import Delivered, LogSuite
from topics.envelope import Headers


class InMemory:
    """One topic of a `MemoryLog`."""

    topic = "topic"

    def __init__(self) -> None:
        self.memory = MemoryLog(Clock())
        self._records: dict[tuple[int, int], LogRecord] = {}

    async def publish(self, records: Sequence[Outgoing]) -> None:
        await self.memory.publish(records)

    def append(self, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        self.memory.append(self.topic, key, value, headers)

    def deliver(self, group: str) -> list[Delivered]:
        records = self.memory.deliver(self.topic, group)
        self._records.update({(record.partition, record.offset): record for record in records})
        return [
            Delivered(record.partition, record.offset, record.key, record.value, record.headers)
            for record in records
        ]

    def commit(self, group: str, record: Delivered) -> None:
        self.memory.commit(group, self._records[record.partition, record.offset])


@pytest.fixture
def log() -> InMemory:
    return InMemory()


class TestMemoryLog(LogSuite):
    pass


async def test_a_broker_that_is_away_takes_nothing_and_then_takes_again(log: InMemory) -> None:
    log.memory.is_away = True
    with pytest.raises(PublishError):
        await log.publish([Outgoing(log.topic, b"key", b"refused", [])])

    log.memory.is_away = False
    await log.publish([Outgoing(log.topic, b"key", b"again", [])])

    assert [record.value for record in log.deliver("group")] == [b"again"]


async def test_a_broker_may_go_away_amid_a_publish(log: InMemory) -> None:
    log.memory.is_away, log.memory.takes = True, 1

    with pytest.raises(PublishError):
        await log.publish([Outgoing(log.topic, b"key", b"%d" % number, []) for number in range(3)])

    assert [record.value for record in log.deliver("group")] == [b"0"]
