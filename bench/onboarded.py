"""Publish leads, wait until all are onboarded, and count the results, seen from outside."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import orjson

from bench.cluster import Cluster
from bench.processes import ContenderError, Talking
from streams.onboarding import ONBOARDING
from topics.events import LeadReceived, LeadWelcomed, OwnerNotified
from topics.registry import TopicNames

START_S = 60
LEADS_PER_S_AT_LEAST = 4
"""So slow that it must hang."""


def until_onboarded(
    cluster: Cluster,
    names: TopicNames,
    leads: Iterable[tuple[bytes, bytes]],
    ids: Iterable[str],
    child: Talking,
) -> float:
    """Publish the leads and give the seconds until both last facts are there of each; `child` is who does it.

    Facts of other leads are passed over. Raises `ContenderError` when it takes too long.
    """
    wanted = frozenset(ids)
    count = len(wanted)
    missing = {names.of(event): set(wanted) for event in (LeadWelcomed, OwnerNotified)}
    with closing(cluster.reader(missing)) as reader:
        reader.some(0.1)
        began = time.monotonic()
        cluster.fill(names.of(LeadReceived), leads)
        while any(missing.values()):
            for record in reader.some(0.02):
                missing[str(record.topic())].discard(orjson.loads(record.value() or b"")["lead_id"])
            if time.monotonic() - began > START_S + count / LEADS_PER_S_AT_LEAST or not child.is_running():
                done = ", ".join(f"{topic}: {count - len(left)}" for topic, left in missing.items())
                raise ContenderError(f"stopped waiting for {count} leads; there are {done}\n{child.tail()}")
        return time.monotonic() - began


def results(names: TopicNames) -> list[str]:
    """Topics of all results."""
    return [names.of(event) for step in ONBOARDING.steps_of(LeadReceived) for event in step.emits]


def leads_by_topic(cluster: Cluster, topics: Iterable[str]) -> dict[str, set[str]]:
    """Ids of the leads of which each topic tells, read to its end."""
    seen = {topic: set[str]() for topic in topics}
    with closing(cluster.reader(seen)) as reader:
        for record in reader.to_the_end():
            seen[str(record.topic())].add(orjson.loads(record.value() or b"")["lead_id"])
    return seen


def rows(store: Path, queries: Mapping[str, str]) -> dict[str, int]:
    """Counts as SQL has them, read without the store's own code."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return {name: connection.execute(query).fetchone()[0] for name, query in queries.items()}


ROWS = {
    "contacts": "SELECT count(*) FROM contacts",
    "contacts with an owner": "SELECT count(*) FROM contacts WHERE owner_id IS NOT NULL",
    "turns taken": "SELECT sum(next) FROM turns",
    "letters": "SELECT count(*) FROM letters",
    "executions done": "SELECT count(*) FROM ledger WHERE status = 1",
    "effects called": "SELECT count(*) FROM effects WHERE status = 3",
}
"""What an onboarding leaves in the store."""


def values(file: Path, name: str) -> list[str]:
    """One member of every line of JSON."""
    return [orjson.loads(line)[name] for line in file.read_bytes().splitlines()]
