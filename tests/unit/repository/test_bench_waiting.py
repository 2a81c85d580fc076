"""The clock of the onboarding benchmarks waits for both last events of every lead, no more and no less."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import orjson
import pytest

from bench.cluster import Cluster
from bench.onboarded import until_onboarded
from bench.processes import ContenderError, Talking
from topics.events import LeadReceived, LeadWelcomed, OwnerNotified
from topics.registry import TopicNames

NAMES = TopicNames("bench.")
WELCOMED, NOTIFIED = NAMES.of(LeadWelcomed), NAMES.of(OwnerNotified)
LEADS = [(b"lead-0", b"{}"), (b"lead-1", b"{}")]


class Told:
    """A record."""

    def __init__(self, topic: str, lead_id: str) -> None:
        self._topic, self._lead_id = topic, lead_id

    def topic(self) -> str:
        return self._topic

    def value(self) -> bytes:
        return orjson.dumps({"lead_id": self._lead_id})


class Scripted:
    """A cluster whose reader gives one list of records a time; without any left, the worker has ended."""

    def __init__(self, *reads: list[Told]) -> None:
        self.reads = [[], *reads]
        self.filled: list[tuple[str, list[Any]]] = []

    def reader(self, topics: Iterable[str]) -> Scripted:
        assert sorted(topics) == sorted((WELCOMED, NOTIFIED))
        return self

    def fill(self, topic: str, records: Iterable[Any]) -> None:
        self.filled.append((topic, list(records)))

    def some(self, timeout_s: float) -> list[Told]:
        return self.reads.pop(0) if self.reads else []

    def is_running(self) -> bool:
        return bool(self.reads)

    def tail(self) -> str:
        return "the end of its log"

    def close(self) -> None: ...


def wait(cluster: Scripted) -> float:
    ids = (key.decode() for key, _ in LEADS)
    return until_onboarded(cast("Cluster", cluster), NAMES, LEADS, ids, cast("Talking", cluster))


def test_the_clock_stops_when_both_last_facts_of_the_last_lead_are_there() -> None:
    cluster = Scripted(
        [Told(WELCOMED, "lead-0"), Told(WELCOMED, "lead-1")],
        [Told(NOTIFIED, "lead-1")],
        [Told(NOTIFIED, "lead-0")],
        [Told(WELCOMED, "not to be read any more")],
    )
    wait(cluster)
    assert cluster.filled == [(NAMES.of(LeadReceived), LEADS)]
    assert len(cluster.reads) == 1


def test_facts_of_leads_that_are_replayed_count_for_nothing() -> None:
    cluster = Scripted([Told(topic, f"late-{n}") for topic in (WELCOMED, NOTIFIED) for n in range(2)])
    with pytest.raises(ContenderError, match=f"{WELCOMED}: 0, {NOTIFIED}: 0\nthe end of its log"):
        wait(cluster)


def test_one_missing_fact_is_named_when_the_worker_ends() -> None:
    cluster = Scripted([Told(WELCOMED, "lead-0"), Told(WELCOMED, "lead-1"), Told(NOTIFIED, "lead-0")])
    with pytest.raises(ContenderError, match=f"stopped waiting for 2 leads; .*{NOTIFIED}: 1"):
        wait(cluster)
