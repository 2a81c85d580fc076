"""Stored times in the future are repaired, so that corrections count again."""

from __future__ import annotations

import orjson
import sqlalchemy as sa

from streams.operations.recovery.future_times import Repaired, repair_future_times
from streams.store.schema import contacts
from streams.testing import Cluster, lead
from streams.testing import event_headers as headers
from tests.support.workflow import RECEIVED, rows

FUTURE = "2062-01-01T00:00:00.000000Z"


async def company(cluster: Cluster) -> str:
    (row,) = await rows(cluster, sa.select(contacts.c.fields))
    return str(orjson.loads(row[0])["company"][0])


async def from_the_future(cluster: Cluster) -> None:
    """Store a contact as an older build took it from a lead with a `ce_time` of the year 2062."""
    cluster.log.append(RECEIVED, None, lead(company="Old Ltd", consent={"marketing": True}), headers("e-1"))
    await cluster.settle()
    (row,) = await rows(cluster, sa.select(contacts.c.fields))
    fields = {
        name: [value, source, FUTURE, event]
        for name, (value, source, _, event) in orjson.loads(row[0]).items()
    }
    fields["consent"][0]["time"] = FUTURE
    changed = sa.update(contacts).values(fields=orjson.dumps(fields))
    await cluster.database.run(lambda connection: connection.execute(changed))


async def correct(cluster: Cluster, event_id: str) -> str:
    cluster.log.append(
        RECEIVED,
        None,
        lead(company="New Ltd"),
        headers(event_id, time=cluster.clock().strftime("%Y-%m-%dT%H:%M:%SZ")),
    )
    await cluster.settle()
    return await company(cluster)


async def test_a_correction_loses_against_the_future_until_it_is_repaired(cluster: Cluster) -> None:
    await from_the_future(cluster)
    cluster.clock.advance(hours=2)
    assert await correct(cluster, "e-2") == "Old Ltd"

    counted = await repair_future_times(cluster.database, cluster.clock, is_dry=True)
    assert await correct(cluster, "e-3") == "Old Ltd"
    done = await repair_future_times(cluster.database, cluster.clock, is_dry=False)

    assert counted == done == Repaired(contacts=1, changed=1, fields=done.fields)
    assert done.fields >= 3
    cluster.clock.advance(hours=2)
    assert await correct(cluster, "e-4") == "New Ltd"
    (row,) = await rows(cluster, sa.select(contacts.c.fields))
    assert FUTURE.encode() not in row[0]


async def test_what_is_right_stays_as_it_is(cluster: Cluster) -> None:
    cluster.log.append(RECEIVED, None, lead(), headers("e-1"))
    await cluster.settle()
    before = await rows(cluster, sa.select(contacts))

    done = await repair_future_times(cluster.database, cluster.clock, is_dry=False)

    assert done == Repaired(contacts=1, changed=0, fields=0)
    assert await rows(cluster, sa.select(contacts)) == before
