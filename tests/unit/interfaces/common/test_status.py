"""The database's part of `leads status`."""

from __future__ import annotations

from streams.clock import to_us
from streams.interfaces.common.status import database_status
from streams.onboarding import ONBOARDING
from streams.store import letters, pauses
from streams.testing import Cluster, MemoryStore, World, adapters_of, event_headers, lead
from tests.support.letters import NOW, row
from topics.events import LeadReceived


async def test_executions_letters_and_pauses_are_counted_by_action() -> None:
    store, world = MemoryStore(), World()
    cluster = Cluster(ONBOARDING, adapters_of(world), store)
    world.go_down()
    cluster.log.append(cluster.names.of(LeadReceived), None, lead(), event_headers("e-1"))
    await cluster.settle()
    store.transact(lambda link: letters.index(link, [row(1, status="resolved")], 0))
    store.transact(lambda link: pauses.pause(link, "assign_owner", "roster", "ann", to_us(NOW)))

    found = store.transact(database_status)

    assert found["contacts"] == 1
    assert found["letters"] == {"resolved": 1, "scheduled": 1}
    assert found["actions"]["validate-lead"] == {"done": 1, "dead_lettered": 0}
    assert found["actions"]["send-welcome-email"] == {"done": 0, "dead_lettered": 1}
    assert found["pauses"] == [
        {
            "step": "assign-owner",
            "kind": "person",
            "reason": "roster",
            "by": "ann",
            "worker": None,
            "since": "2026-11-24 12:00:00.000Z",
            "next_probe": None,
        }
    ]
