"""Ports that are watched: what an action asks of them, and where its worker may die."""

from __future__ import annotations

import pytest

from streams.onboarding import ONBOARDING
from streams.testing import Cluster, MemoryStore, World, adapters_of, event_headers, lead
from streams.testing.clock import run
from streams.testing.life import CrashError, Life
from streams.testing.ports import LONGEST_ARGUMENT, Call, Nothing, WatchedPort
from topics.events import LeadReceived


class Calendar:
    zone = "UTC"

    def __init__(self) -> None:
        self.booked: list[str] = []

    async def book(self, key: str, *, owner: str) -> str:
        self.booked.append(key)
        return f"{key} with {owner}"

    def count(self) -> int:
        return len(self.booked)


def watched(calendar: Calendar, life: Life, calls: list[Call], *, is_staged: bool = False) -> WatchedPort:
    return WatchedPort("calendar", calendar, life, calls, Nothing(), is_staged=is_staged)


async def test_each_call_is_noted_with_its_arguments_and_has_a_point_on_either_side() -> None:
    calendar, life, calls = Calendar(), Life(), list[Call]()
    port = watched(calendar, life, calls)

    answer = await port.book("x" * 500, owner="ada")
    number = port.count()

    assert (answer[-8:], number, port.zone) == ("with ada", 1, "UTC")
    assert life.points == [
        "before calendar.book",
        "after calendar.book",
        "before calendar.count",
        "after calendar.count",
    ]
    assert [(call.port, call.is_outside) for call in calls] == [
        ("calendar.book", True),
        ("calendar.count", False),
    ]
    assert len(calls[0].arguments) < LONGEST_ARGUMENT + 20


async def test_a_call_in_a_transaction_is_not_outside() -> None:
    calls: list[Call] = []

    await watched(Calendar(), Life(), calls, is_staged=True).book("k", owner="ada")

    assert [call.is_outside for call in calls] == [False]


@pytest.mark.parametrize(("ends_at", "booked"), [(1, []), (2, ["k"])])
async def test_a_worker_may_die_before_and_after_the_call(ends_at: int, booked: list[str]) -> None:
    calendar = Calendar()

    with pytest.raises(CrashError):
        await watched(calendar, Life(ends_at=ends_at), []).book("k", owner="ada")

    assert calendar.booked == booked


def test_a_call_through_once_has_the_key_of_its_effect() -> None:
    cluster = Cluster(ONBOARDING, adapters_of(World()), MemoryStore())
    cluster.log.append(cluster.names.of(LeadReceived), b"key", lead(), event_headers("e-1"))
    cluster.worker = cluster.new_worker(Life())

    run(cluster.settle())

    keys = {call.port: (call.key or "").partition(":")[0] for call in cluster.calls if call.is_outside}
    assert keys == {"mailer.send": "welcome", "notifier.notify": "notify"}
