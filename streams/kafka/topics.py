"""Compare the topic registry with a cluster, and create what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from topics.registry import TOPICS, TopicNames

_SET_ON_TOPIC = 1
"""`config_source` of a value set on the topic itself; all others are defaults."""


class TopicsError(RuntimeError):
    """The cluster refuses a topic; the message names the topic and the cluster's reason."""


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic as the registry and leads.toml define it."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]
    key: str
    """The key of its records, described for people."""
    event: str | None
    """`ce_type` of its records; None for requests and dead letters."""


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as the cluster has it."""

    partitions: int
    replication_factor: int
    config: Mapping[str, str]
    """All values, including defaults."""
    own_config: Mapping[str, str] = field(default_factory=dict)
    """The values set on the topic itself."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between a topic as it is and as it should be."""

    topic: str
    what: Literal["missing", "config", "partitions", "replication"]
    name: str | None = None
    """The name of the configuration value."""
    found: str | None = None
    wanted: str | None = None

    @property
    def is_fixed_by_apply(self) -> bool:
        """Whether `apply` fixes it; a person must fix the others."""
        return self.what in ("missing", "config")

    def __str__(self) -> str:
        """Return one sentence with the next step."""
        if self.what == "missing":
            return f"{self.topic} does not exist; `leads topics apply` makes it"
        if self.what == "config":
            has = f"{self.topic} has {self.name}={self.found} and should have {self.wanted}"
            return f"{has}; `leads topics apply` sets it"
        if self.what == "partitions":
            return (
                f"{self.topic} has {self.found} partitions and should have {self.wanted}; they are never changed in "
                "place, because keys would move: set [topics] partitions in leads.toml, or use another LEADS_PREFIX"
            )
        return (
            f"{self.topic} has {self.found} replicas and should have {self.wanted}; "
            "add them with Kafka's own kafka-reassign-partitions tool"
        )


def wanted_topics(names: TopicNames, *, partitions: int, replication_factor: int) -> tuple[WantedTopic, ...]:
    """Return every topic of the registry under this prefix.

    With three replicas or more, a record counts as written once two have it, so that one broker may be lost.
    """
    safety = {"min.insync.replicas": "2"} if replication_factor > 2 else {}  # noqa: PLR2004 - see above
    return tuple(
        WantedTopic(
            name=names.full(spec.name),
            partitions=partitions,
            replication_factor=replication_factor,
            config=spec.config() | safety,
            key=spec.key,
            event=None if spec.event is None else spec.event.type,
        )
        for spec in TOPICS
    )


def plan(wanted: Iterable[WantedTopic], found: Mapping[str, FoundTopic]) -> list[Difference]:
    """Return the differences, topic by topic in registry order; more replicas than wanted are none."""
    differences: list[Difference] = []
    for topic in wanted:
        existing = found.get(topic.name)
        if existing is None:
            differences.append(Difference(topic.name, "missing"))
            continue
        if existing.partitions != topic.partitions:
            differences.append(
                Difference(topic.name, "partitions", None, str(existing.partitions), str(topic.partitions))
            )
        if existing.replication_factor < topic.replication_factor:
            differences.append(
                Difference(
                    topic.name,
                    "replication",
                    None,
                    str(existing.replication_factor),
                    str(topic.replication_factor),
                )
            )
        differences += [
            Difference(topic.name, "config", name, existing.config.get(name), value)
            for name, value in topic.config.items()
            if existing.config.get(name) != value
        ]
    return differences


async def describe(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, FoundTopic]:
    """Return those of the topics that exist. Raise `KafkaError`."""
    shapes: dict[str, tuple[int, int]] = {}
    for topic in await admin.describe_topics(list(names)):
        if topic["error_code"] == UnknownTopicOrPartitionError.errno:
            continue
        _raise_for(topic["topic"], topic["error_code"], None)
        partitions = topic["partitions"]
        fewest = min((len(partition["replicas"]) for partition in partitions), default=0)
        shapes[topic["topic"]] = (len(partitions), fewest)
    if not shapes:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs=None) for name in shapes]
    existing: dict[str, FoundTopic] = {}
    for response in await admin.describe_configs(resources):
        for code, message, _, name, entries in response.resources:
            _raise_for(name, code, message)
            values = {entry[0]: entry[1] for entry in entries}
            own = {entry[0]: entry[1] for entry in entries if entry[3] == _SET_ON_TOPIC}
            existing[name] = FoundTopic(*shapes[name], values, own)
    return existing


async def apply(
    admin: AIOKafkaAdminClient, wanted: Sequence[WantedTopic], found: Mapping[str, FoundTopic]
) -> list[Difference]:
    """Create missing topics and set differing configuration; return the differences that were fixed.

    Raise `TopicsError` when the cluster refuses a topic, `KafkaError` when it cannot be reached.
    """
    todo = [difference for difference in plan(wanted, found) if difference.is_fixed_by_apply]
    missing = {difference.topic for difference in todo if difference.what == "missing"}
    changed = {difference.topic for difference in todo if difference.what == "config"}
    new = [
        NewTopic(topic.name, topic.partitions, topic.replication_factor, topic_configs=dict(topic.config))
        for topic in wanted
        if topic.name in missing
    ]
    if new:
        response = await admin.create_topics(new)
        for name, code, message in response.topic_errors:
            # Workers start together, so another one may have created it a moment ago.
            if code != TopicAlreadyExistsError.errno:
                _raise_for(name, code, message)
    # The request replaces all of a topic's values, so values that somebody else set on it are sent along.
    altered = [
        ConfigResource(
            ConfigResourceType.TOPIC, topic.name, configs={**found[topic.name].own_config, **topic.config}
        )
        for topic in wanted
        if topic.name in changed
    ]
    if altered:
        for response in await admin.alter_configs(altered):
            for code, message, _, name in response.resources:
                _raise_for(name, code, message)
    return todo


def export(wanted: Iterable[WantedTopic]) -> list[dict[str, Any]]:
    """Return the topics as plain data, for other tools."""
    return [asdict(topic) for topic in wanted]


def _raise_for(topic: str, code: int, message: str | None) -> None:
    if code:
        error: type[KafkaError] = for_code(code)
        raise TopicsError(f"the cluster refuses topic {topic}: {message or error.__name__}")
