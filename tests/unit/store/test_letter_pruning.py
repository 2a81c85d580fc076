"""Test that letters are deleted when their topic no longer holds them, and that lost ones are marked as lost."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.errors import PermanentError, UncertainError
from actions.ports import Mail
from streams.onboarding import ONBOARDING
from streams.operations.pruning import EXPIRED_AGE, LETTERS_AGE, Pruner
from streams.settings import LedgerTable
from streams.store import letters
from streams.store.engine import Database
from streams.store.schema import contacts as contacts_table
from streams.store.schema import effects as effects_table
from streams.store.schema import ledger as ledger_table
from streams.store.schema import letters as letters_table
from streams.testing import Cluster, World, adapters_of
from tests.support.workflow import RECEIVED

RETENTION = LedgerTable().retention


@pytest.fixture
def world() -> World:
    outside = World()

    def fail(mail: Mail) -> None:
        if mail.to.startswith("refused"):
            raise PermanentError("SMTP_REFUSED", "no such mailbox")
        if mail.to.startswith("cut-off"):
            raise UncertainError("cut off")

    outside.fail = fail
    return outside


@pytest.fixture
async def cluster(database: Database, world: World) -> Cluster:
    return Cluster(ONBOARDING, adapters_of(world), database)


async def no_rest(seconds: float) -> None:
    """Return at once."""


def counts(connection: Connection) -> dict[str, int]:
    """Return the number of rows per table, and of effects per kind."""
    rows = {
        table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for table in (ledger_table, letters_table, contacts_table)
    }
    rows["letters"] -= letters.counts(connection).get(
        letters.EXPIRED, 0
    )  # they are kept as long as the audit
    for key in connection.execute(sa.select(effects_table.c.key)).scalars():
        kind = key.partition(":")[0]
        rows[kind] = rows.get(kind, 0) + 1
    return rows


async def test_an_open_letter_stays_as_long_as_its_topic_may_hold_it_and_then_as_lost(
    cluster: Cluster,
) -> None:
    pruner = Pruner(cluster.installation, RETENTION, no_rest)
    cluster.log.append(RECEIVED, b"k", b"not json")
    await cluster.settle()

    cluster.clock.advance(seconds=LETTERS_AGE.total_seconds())
    await pruner.tick()
    there = await cluster.database.run(letters.counts)
    cluster.clock.advance(seconds=1)
    await pruner.tick()

    lost = await cluster.database.run(letters.counts)
    cluster.clock.advance(seconds=EXPIRED_AGE.total_seconds())
    await pruner.tick()

    assert (there, lost) == ({"parked": 1}, {"expired": 1})
    assert await cluster.database.run(letters.counts) == {}
