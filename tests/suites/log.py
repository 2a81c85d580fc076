"""Test what a log must do for a worker; subclasses provide the fixture `log`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from streams.kafka.producer import Outgoing
from topics.envelope import Headers

PARTITIONS = 4
JAVA_PARTITIONS = {
    b"21": 0,
    b"foobar": 2,
    b"a-little-bit-long-string": 0,
    b"a-little-bit-longer-string": 3,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": 1,
    b"abc": 3,
}
"""Partitions that Java's default partitioner gives these keys, by the hashes in Apache Kafka's test of murmur2."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A record as a consumer receives it."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def content(self) -> tuple[bytes | None, bytes | None, Headers]:
        """Return what its producer sent."""
        return self.key, self.value, self.headers


class LogUnderTest(Protocol):
    """One topic of PARTITIONS partitions, empty at first."""

    @property
    def topic(self) -> str:
        """Return the topic's name."""
        ...

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Publish as a worker does."""
        ...

    def append(self, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Write as another client does."""
        ...

    def deliver(self, group: str) -> list[Delivered]:
        """Return the records that the group's only member reads when it joins now."""
        ...

    def commit(self, group: str, record: Delivered) -> None:
        """Acknowledge a record and all before it in its partition."""
        ...


def values(records: Sequence[Delivered], partition: int | None = None) -> list[bytes | None]:
    return [record.value for record in records if partition in (None, record.partition)]


class LogSuite:
    async def test_what_is_published_is_delivered_byte_for_byte(self, log: LogUnderTest) -> None:
        contents: list[tuple[bytes | None, bytes | None, Headers]] = [
            (b"\x00\xff", b"\x80 not text", [("a", b"1"), ("a", b"2"), ("b", None), ("c", b"")]),
            (b"tombstone", None, []),
            (None, b"", [("ünï", "çödé".encode())]),
        ]

        await log.publish([Outgoing(log.topic, *content) for content in contents])

        delivered = [record.content for record in log.deliver("group")]
        assert sorted(delivered, key=repr) == sorted(contents, key=repr)

    async def test_a_key_has_the_partition_that_java_gives_it(self, log: LogUnderTest) -> None:
        await log.publish([Outgoing(log.topic, key, b"", []) for key in JAVA_PARTITIONS])

        assert {record.key: record.partition for record in log.deliver("group")} == JAVA_PARTITIONS

    async def test_another_clients_records_of_a_key_go_to_the_same_partition(self, log: LogUnderTest) -> None:
        for key in JAVA_PARTITIONS:
            log.append(key, b"theirs", [])

        assert {record.key: record.partition for record in log.deliver("group")} == JAVA_PARTITIONS

    async def test_a_partition_keeps_the_order_and_counts_without_a_gap(self, log: LogUnderTest) -> None:
        sent = [(f"key {number % 7}".encode(), str(number).encode()) for number in range(50)]

        await log.publish([Outgoing(log.topic, key, value, []) for key, value in sent[:30]])
        for key, value in sent[30:]:
            log.append(key, value, [])

        delivered = log.deliver("group")
        for key in {key for key, _ in sent}:
            assert [record.value for record in delivered if record.key == key] == [
                value for sent_key, value in sent if sent_key == key
            ]
        for partition in range(PARTITIONS):
            offsets = [record.offset for record in delivered if record.partition == partition]
            assert offsets == list(range(len(offsets)))

    async def test_records_without_a_key_go_round_all_partitions(self, log: LogUnderTest) -> None:
        await log.publish([Outgoing(log.topic, None, b"%d" % number, []) for number in range(8)])

        partitions = [record.partition for record in log.deliver("group")]
        assert sorted(partitions) == sorted([*range(PARTITIONS)] * 2)

    async def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(self, log: LogUnderTest) -> None:
        await log.publish([Outgoing(log.topic, None, b"%d" % number, []) for number in range(20)])
        first = log.deliver("group")
        assert log.deliver("group") == first
        middle = [record for record in first if record.partition == 2][2]

        log.commit("group", middle)

        done = {record for record in map(_place, first) if record[0] == 2 and record[1] <= middle.offset}
        assert len(done) == 3
        assert {_place(record) for record in log.deliver("group")} == {*map(_place, first)} - done

    async def test_groups_acknowledge_each_for_itself(self, log: LogUnderTest) -> None:
        await log.publish([Outgoing(log.topic, b"key", b"value", [])])
        (record,) = log.deliver("one")

        log.commit("one", record)

        assert (log.deliver("one"), log.deliver("other")) == ([], [record])

    async def test_what_comes_after_the_acknowledged_is_delivered_alone(self, log: LogUnderTest) -> None:
        await log.publish([Outgoing(log.topic, b"key", b"before", [])])
        log.commit("group", log.deliver("group")[0])

        await log.publish([Outgoing(log.topic, b"key", b"after", [])])

        assert values(log.deliver("group")) == [b"after"]


def _place(record: Delivered) -> tuple[int, int]:
    return record.partition, record.offset
