"""Test how an outdated store reads its topics; subclasses provide the fixture `kept`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streams.kafka.log import Log, read_at
from streams.kafka.reader import Ranges, count
from topics.decode import Record

KEYS = [f"key {number % 7}".encode() for number in range(20)]


class KeptLog(Protocol):
    """One empty topic, and a group that has read nothing."""

    @property
    def topic(self) -> str:
        """Return the topic's name."""
        ...

    async def write(self, keys: Sequence[bytes]) -> None:
        """Write one record per key, with its number as its value."""
        ...

    async def moment_between(self) -> int:
        """Return a moment (milliseconds) after everything written so far, and before what will be written."""
        ...

    async def acknowledge(self, number: int) -> None:
        """Let the group acknowledge the first `number` records of every partition."""
        ...

    async def open(self) -> Log:
        """Return the log as it is now."""
        ...


async def numbers(log: Log, ranges: Ranges) -> list[int]:
    return sorted([int(record.value or b"") async for batch in log.read(ranges) for record in batch])


class ReadingBackSuite:
    async def test_what_was_written_since_a_moment_is_read_and_nothing_else(self, kept: KeptLog) -> None:
        await kept.write(KEYS[:8])
        moment = await kept.moment_between()
        await kept.write(KEYS[8:])
        log = await kept.open()

        ranges = await log.since(kept.topic, moment)

        assert await numbers(log, ranges) == list(range(8, 20))
        assert count(ranges) == 12
        assert await log.forgotten(kept.topic, moment) is None

    async def test_a_topic_with_nothing_since_has_no_ranges(self, kept: KeptLog) -> None:
        await kept.write(KEYS)
        log = await kept.open()

        ranges = await log.since(kept.topic, await kept.moment_between())

        assert (ranges, await numbers(log, ranges)) == ({}, [])

    async def test_what_the_group_did_not_acknowledge_is_unsettled(self, kept: KeptLog) -> None:
        await kept.write(KEYS)
        log = await kept.open()
        everything = await log.unsettled(kept.topic)
        assert await numbers(log, everything) == list(range(20))
        assert await log.settled(kept.topic) == {}

        await kept.acknowledge(2)
        log = await kept.open()

        left = await log.unsettled(kept.topic)
        assert {at: span[0] for at, span in left.items()} == {
            at: 2 for at, (_, end) in everything.items() if end > 2
        }
        assert await log.settled(kept.topic) == {partition: 2 for _, partition in everything}

    async def test_what_is_written_while_it_is_read_is_left_out_and_partitions_keep_their_order(
        self, kept: KeptLog
    ) -> None:
        await kept.write(KEYS[:10])
        log = await kept.open()
        ranges = await log.since(kept.topic, 0)
        await kept.write(KEYS[10:])

        records: list[Record] = [record async for batch in log.read(ranges) for record in batch]

        assert sorted(int(record.value or b"") for record in records) == list(range(10))
        for partition in {record.partition for record in records}:
            offsets = [record.offset for record in records if record.partition == partition]
            assert offsets == sorted(offsets)

    async def test_records_are_found_by_their_places(self, kept: KeptLog) -> None:
        await kept.write(KEYS)
        log = await kept.open()
        every = [record async for batch in log.read(await log.since(kept.topic, 0)) for record in batch]
        wanted = [(record.topic, record.partition, record.offset) for record in every[3:15:4]]

        records = await read_at(log, [*wanted, (kept.topic, 0, 999)])

        assert {place: record.value for place, record in records.items()} == {
            (record.topic, record.partition, record.offset): record.value for record in every[3:15:4]
        }
