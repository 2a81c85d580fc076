"""Test that owners take turns."""

from __future__ import annotations

from streams.testing import (
    OWNERS,
    Cluster,
    lead,
)
from tests.support.workflow import RECEIVED, data
from topics.events import (
    LeadAssigned,
)


async def test_owners_take_turns(cluster: Cluster) -> None:
    for number in range(9):
        cluster.log.append(RECEIVED, None, lead(email=f"p{number}@example.com"))

    await cluster.settle()

    assigned = [data(record)["owner"]["id"] for record in cluster.records(LeadAssigned)]
    assert {owner.id: assigned.count(owner.id) for owner in OWNERS} == {"ada": 3, "bob": 3, "cyd": 3}
