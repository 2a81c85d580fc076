"""This file publishes the demo's records, and remembers where each of them stands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from streams.interfaces.demo.samples import Sample
from topics import ids
from topics.attributes import PLAIN_SOURCE


@dataclass(frozen=True, slots=True)
class Published:
    """One record on the broker."""

    sample: Sample
    topic: str
    partition: int
    offset: int

    @property
    def position(self) -> tuple[str, int, int]:
        """Topic, partition, offset."""
        return self.topic, self.partition, self.offset

    @property
    def identity(self) -> tuple[str, str] | None:
        """Its `ce_source` and `ce_id`; a plain record gets them from where it stands. None: it cannot be read."""
        if self.sample.kind == "plain":
            return PLAIN_SOURCE, ids.plain_id(*self.position)
        return self.sample.identity

    @property
    def run(self) -> str | None:
        """Correlation id of the run that it starts; None: it starts none."""
        return None if self.identity is None else ids.run_id(*self.identity)


async def publish(producer: AIOKafkaProducer, topic: str, samples: Sequence[Sample]) -> list[Published]:
    """Publish and wait for the broker. Raises a Kafka error."""
    waiting = [
        await producer.send(topic, sample.value, key=sample.key, headers=sample.headers) for sample in samples
    ]
    places = await asyncio.gather(*waiting)
    return [
        Published(sample, topic, place.partition, place.offset)
        for sample, place in zip(samples, places, strict=True)
    ]
