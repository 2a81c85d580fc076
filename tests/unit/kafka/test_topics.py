"""Test the differences of `leads topics plan` on described clusters."""

from __future__ import annotations

from dataclasses import replace

from streams.kafka.topics import Difference, FoundTopic, WantedTopic, plan, wanted_topics
from topics.registry import TOPICS, TopicNames

WANTED = wanted_topics(TopicNames("t."), partitions=12, replication_factor=3)
FIRST = WANTED[0]


def as_wanted(topic: WantedTopic) -> FoundTopic:
    return FoundTopic(topic.partitions, topic.replication_factor, {**topic.config, "segment.bytes": "1"}, {})


RIGHT = {topic.name: as_wanted(topic) for topic in WANTED}


def test_a_cluster_as_it_should_be_has_no_difference() -> None:
    assert plan(WANTED, RIGHT) == []


def test_every_topic_of_the_registry_is_made_on_an_empty_cluster() -> None:
    differences = plan(WANTED, {})

    assert differences == [Difference(f"t.{spec.name}", "missing") for spec in TOPICS]
    assert all(difference.is_fixed_by_apply for difference in differences)


def test_configuration_that_differs_is_named_and_apply_sets_it() -> None:
    there = RIGHT[FIRST.name]
    other = replace(there, config={**there.config, "retention.ms": "1"})

    differences = plan(WANTED, RIGHT | {FIRST.name: other})

    assert differences == [Difference(FIRST.name, "config", "retention.ms", "1", str(7 * 86_400_000))]
    assert differences[0].is_fixed_by_apply


def test_another_number_of_partitions_is_reported_and_never_changed() -> None:
    differences = plan(WANTED, RIGHT | {FIRST.name: replace(RIGHT[FIRST.name], partitions=6)})

    assert differences == [Difference(FIRST.name, "partitions", None, "6", "12")]
    assert not differences[0].is_fixed_by_apply
    assert "keys would move" in str(differences[0])


def test_fewer_replicas_are_reported_and_more_are_accepted() -> None:
    few = plan(WANTED, RIGHT | {FIRST.name: replace(RIGHT[FIRST.name], replication_factor=1)})
    many = plan(WANTED, RIGHT | {FIRST.name: replace(RIGHT[FIRST.name], replication_factor=5)})

    assert few == [Difference(FIRST.name, "replication", None, "1", "3")]
    assert many == []


def test_three_replicas_require_two_in_sync_and_one_replica_requires_none() -> None:
    single = wanted_topics(TopicNames("t."), partitions=1, replication_factor=1)

    assert {topic.config.get("min.insync.replicas") for topic in WANTED} == {"2"}
    assert {topic.config.get("min.insync.replicas") for topic in single} == {None}
