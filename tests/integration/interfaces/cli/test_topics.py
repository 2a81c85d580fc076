"""`leads topics` on a real cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from tests.support.commands import ROSTER, Commands


@pytest.fixture
def admin(kafka: str, prefix: str) -> Iterator[AdminClient]:
    """Client that shares no code with ours; deletes the test's topics at the end."""
    client = AdminClient({"bootstrap.servers": kafka, "log_level": 4})
    yield client
    names = [name for name in client.list_topics(timeout=10).topics if name.startswith(prefix)]
    for done in client.delete_topics(names).values() if names else ():
        done.result(timeout=30)


@pytest.fixture
def commands(kafka: str, prefix: str, admin: AdminClient, tmp_path: Path) -> Commands:
    config = tmp_path / "leads.toml"
    config.write_text(ROSTER + "[topics]\npartitions = 3\n")
    return Commands(
        {
            "LEADS_KAFKA": kafka,
            "LEADS_PREFIX": prefix,
            "LEADS_CONFIG": str(config),
            "LEADS_DATA": str(tmp_path / "data"),
            "LEADS_SMTP": "smtp://127.0.0.1:1",
        }
    )


def alter(admin: AdminClient, topic: str, **config: str) -> None:
    entries = [
        ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        for name, value in config.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(timeout=10)


def config_of(admin: AdminClient, topic: str) -> dict[str, str]:
    (described,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in described.result(timeout=10).items()}


def test_apply_makes_what_plan_misses_and_then_nothing_is_left(
    commands: Commands, admin: AdminClient, prefix: str
) -> None:
    planned = commands.run("topics", "plan", "--json")
    applied = commands.run("topics", "apply", "--json")
    again = commands.run("topics", "apply", "--json")

    assert (planned.code, applied.code, again.code) == (0, 0, 0)
    assert {item["what"] for item in planned.json["differences"]} == {"missing"}
    assert applied.json["done"] == planned.json["differences"]
    assert again.json == {"is_right": True, "differences": [], "done": []}
    topics = admin.list_topics(timeout=10).topics
    ours = {name: len(topic.partitions) for name, topic in topics.items() if name.startswith(prefix)}
    exported = commands.run("topics", "export", "--json").json["topics"]
    assert ours == {topic["name"]: topic["partitions"] for topic in exported}
    assert set(ours.values()) == {3}


def test_apply_sets_what_differs_and_keeps_what_somebody_else_set(
    commands: Commands, admin: AdminClient, prefix: str
) -> None:
    topic = f"{prefix}leads.received.v1"
    commands.run("topics", "apply")
    alter(admin, topic, retention_ms="1000", segment_ms="123456789")

    planned = commands.run("topics", "plan", "--json").json["differences"]
    applied = commands.run("topics", "apply", "--json")

    assert [(item["topic"], item["name"], item["found"]) for item in planned] == [
        (topic, "retention.ms", "1000")
    ]
    assert applied.code == 0
    config = config_of(admin, topic)
    assert (config["retention.ms"], config["segment.ms"]) == (str(7 * 86_400_000), "123456789")


def test_partitions_are_never_changed_in_place_and_a_worker_refuses_them(
    commands: Commands, admin: AdminClient, prefix: str
) -> None:
    topic = f"{prefix}leads.received.v1"
    for made in admin.create_topics([NewTopic(topic, 5, 1)]).values():
        made.result(timeout=10)

    applied = commands.run("topics", "apply", "--json")
    worker = commands.run("worker")

    assert applied.code == 1
    assert f"Error: {topic} has 5 partitions and should have 3" in applied.err
    assert len(admin.list_topics(topic, timeout=10).topics[topic].partitions) == 5
    assert worker.code == 2
    assert f"Error: {topic} has 5 partitions and should have 3" in worker.err


def test_production_makes_no_topics_by_itself(commands: Commands, admin: AdminClient, prefix: str) -> None:
    production = commands.set(env="production", secret="0123456789abcdef")

    worker = production.run("worker")
    publish = production.run("publish", "-", stdin=b'{"email":"a@acme.example"}')

    assert (worker.code, publish.code) == (2, 2)
    assert "13 topics do not exist" in worker.err
    assert f"{prefix}leads.received.v1 does not exist; `leads topics apply` makes it" in publish.err
    assert not [name for name in admin.list_topics(timeout=10).topics if name.startswith(prefix)]
