"""Test polling ranges on a real broker."""

from __future__ import annotations

from confluent_kafka import Producer

from streams.kafka.address import parse_kafka
from streams.kafka.reader import RangeReader, Ranges
from tests.integration.faust_facts.harness import Log as NewTopic


async def test_a_poll_reads_on_where_the_last_one_ended_and_again_where_it_is_asked_to(
    kafka: str,
) -> None:
    topic = NewTopic(kafka, 2).topic
    producer = Producer({"bootstrap.servers": kafka})
    for number in range(20):
        producer.produce(topic, partition=number % 2, value=str(number).encode())
    assert producer.flush(10) == 0
    wanted = {(topic, 0): (0, 7), (topic, 1): (3, 9)}
    every = [(0, number) for number in range(0, 14, 2)] + [(1, number) for number in range(7, 19, 2)]

    async with RangeReader(parse_kafka(kafka)) as reader:
        for _ in range(2):
            left: Ranges = wanted
            read: list[tuple[int, int]] = []
            polls = 0
            while left:
                fetched = await reader.fetch(left, 4)
                batch = [record for records in fetched.records.values() for record in records]
                assert len(batch) <= 4
                read += [(record.partition, int(record.value)) for record in batch]
                polls += bool(batch)
                left = {
                    at: (fetched.reached[at], end)
                    for at, (_, end) in left.items()
                    if fetched.reached[at] < end
                }
            assert (sorted(read), polls >= 4) == (every, True)
