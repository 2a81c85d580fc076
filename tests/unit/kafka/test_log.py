"""Run the suite of reading topics back on the log in memory."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from streams.kafka.log import Log
from streams.testing.clock import Clock
from streams.testing.log import MemoryLog
from tests.suites.reading_back import ReadingBackSuite
from tests.support.reading_back import RememberedLog

GROUP = "leads"


class KeptInMemory:
    topic = "topic"

    def __init__(self) -> None:
        self.clock = Clock()
        self.log = MemoryLog(self.clock)

    async def write(self, keys: Sequence[bytes]) -> None:
        for key in keys:
            self.log.append(self.topic, key, str(len(self.log.topics[self.topic])).encode())

    async def moment_between(self) -> int:
        self.clock.advance(seconds=2)
        return int(self.clock().timestamp() * 1000) - 1000

    async def acknowledge(self, number: int) -> None:
        for record in self.log.topics[self.topic]:
            if record.offset == number - 1:
                self.log.commit(GROUP, record)

    async def open(self) -> Log:
        return RememberedLog(self.log, GROUP)


class TestReadingBack(ReadingBackSuite):
    @pytest.fixture
    def kept(self) -> KeptInMemory:
        return KeptInMemory()
