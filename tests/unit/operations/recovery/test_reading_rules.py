"""When workers look for people who are stored under a key of older rules."""

from __future__ import annotations

import pytest

from streams.operations.recovery.catch_up import CatchUp
from streams.operations.recovery.contact_keys import Rekeyed
from streams.operations.recovery.reading_rules import UPGRADE, keep_identities
from streams.testing import Cluster
from tests.support.older_people import identity_of, store_older
from tests.support.reading_back import RememberedLog

OLDER = "o\u2019neil@example.com"


async def start(cluster: Cluster) -> Rekeyed | None:
    """Do what a worker does at its start."""
    log = RememberedLog(cluster.log)
    return await keep_identities(
        cluster.database, log, cluster.names, identity_of(cluster), "DE", cluster.clock
    )


async def test_the_first_start_finds_everybody_and_says_so(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    await store_older(cluster, OLDER, "ada@example.com")

    with caplog.at_level("INFO"):
        done = await start(cluster)

    assert done == Rekeyed(contacts=2, aliases=1, twice=0)
    assert "who keep their history: 1" in caplog.text
    assert "@" not in caplog.text


async def test_while_workers_of_both_builds_may_run_each_start_looks_at_what_came_since(
    cluster: Cluster,
) -> None:
    await start(cluster)
    cluster.clock.advance(seconds=(UPGRADE / 2).total_seconds())

    assert await start(cluster) == Rekeyed(0, 0, 0)

    cluster.clock.advance(seconds=UPGRADE.total_seconds())
    assert await start(cluster) is None


async def test_a_store_that_caught_up_is_looked_at_again(cluster: Cluster) -> None:
    await start(cluster)
    cluster.clock.advance(seconds=2 * UPGRADE.total_seconds())
    await CatchUp(cluster.installation, RememberedLog(cluster.log)).run()
    await store_older(cluster, OLDER)

    assert await start(cluster) == Rekeyed(contacts=1, aliases=1, twice=0)
