"""Measure how many records of each topic a consumer group has not settled yet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError

from streams.kafka.reader import RangeReader
from streams.kafka.topics import describe
from topics.registry import TOPICS, TopicNames

if TYPE_CHECKING:
    from aiokafka.admin import AIOKafkaAdminClient

    from streams.kafka.address import KafkaAddress

REQUEST_MS = 8_000
NEVER_SEEN = "Dead"


@dataclass(frozen=True, slots=True)
class TopicLag:
    """One topic of the registry."""

    name: str
    exists: bool
    records: int
    """Records that retention has not deleted."""
    waiting: int | None
    """Records that the group has not settled; None for a topic that the group does not read."""


@dataclass(frozen=True, slots=True)
class GroupLag:
    """A consumer group and its lag."""

    state: str
    """Kafka's name for it: `Stable`, `Empty`, `Dead` (never seen), …"""
    members: int
    topics: Sequence[TopicLag]


async def look(admin: AIOKafkaAdminClient, reader: RangeReader, group: str, prefix: str) -> GroupLag:
    """Measure now. Raise a Kafka error."""
    names = TopicNames(prefix)
    full = {names.full(spec.name): spec for spec in TOPICS}
    existing = await describe(admin, list(full))
    partitions = [
        TopicPartition(name, number) for name, topic in existing.items() for number in range(topic.partitions)
    ]
    # Offsets are read before ends: records that workers settle meanwhile look unsettled, never the reverse.
    state, members, committed = await group_state(admin, group)
    begins, ends = await reader.begins(partitions), await reader.ends(partitions)
    read = {place.topic for place in committed}
    topics = []
    for name, spec in full.items():
        of_topic = [place for place in partitions if place.topic == name]
        records = sum(ends[place] - begins[place] for place in of_topic)
        waiting = sum(ends[place] - max(committed.get(place, 0), begins[place]) for place in of_topic)
        is_read = spec.is_replayed and _is_read(name, read)
        topics.append(TopicLag(name, name in existing, records, waiting if is_read else None))
    return GroupLag(state, members, topics)


@asynccontextmanager
async def watching_live_lag(
    admin: AIOKafkaAdminClient, address: KafkaAddress, group: str, prefix: str
) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Yield a function that counts the records the group has not settled, except replays and letters.

    It keeps one connection, because opening one takes longer than ten counts.
    """
    names = TopicNames(prefix)
    live = [
        names.full(spec.name)
        for spec in TOPICS
        if spec.is_replayed and names.full(spec.name) not in (names.requests, names.letters)
    ]
    existing = await describe(admin, live)
    places = [
        TopicPartition(name, number) for name, topic in existing.items() for number in range(topic.partitions)
    ]
    async with RangeReader(address, request_timeout_ms=REQUEST_MS) as reader:
        begins = await reader.begins(places)

        async def lag() -> int:
            _, _, committed = await group_state(admin, group)
            ends = await reader.ends(places)
            read = {place.topic for place in committed}
            return sum(
                ends[place] - max(committed.get(place, 0), begins[place])
                for place in places
                if _is_read(place.topic, read)
            )

        yield lag


def _is_read(topic: str, read: Collection[str]) -> bool:
    # For a group that has read nothing yet, every topic counts as read.
    return topic in read or not read


async def group_state(admin: AIOKafkaAdminClient, group: str) -> tuple[str, int, dict[TopicPartition, int]]:
    """Return a group's state, the number of its members, and its next offsets. Raise a Kafka error."""
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:
        return NEVER_SEEN, 0, {}  # no group has ever been on this cluster
    committed = {place: at.offset for place, at in offsets.items()}
    for response in await admin.describe_consumer_groups([group]):
        for described in response.to_object()["groups"]:
            return str(described["state"]), len(described["members"]), committed
    return NEVER_SEEN, 0, committed
