"""Takes the store of an installation in memory away and brings an older copy of it up to date again."""

from __future__ import annotations

from streams.dead_letters.retries import RetryTimer
from streams.operations.recovery.catch_up import CatchUp, CaughtUp
from streams.testing import Cluster, MemoryStore
from tests.support.reading_back import RememberedLog


def copy_of(store: MemoryStore) -> MemoryStore:
    """Return a store that knows what this one knows now."""
    copy = MemoryStore()
    with store.engine.connect() as source, copy.engine.connect() as target:
        # Both outside a transaction: SQLite copies no file that is being written to.
        source.rollback()
        target.rollback()
        from_raw, to_raw = source.connection.driver_connection, target.connection.driver_connection
        assert from_raw is not None
        assert to_raw is not None
        from_raw.backup(to_raw)
    return copy


async def catch_up(cluster: Cluster, store: MemoryStore) -> CaughtUp:
    """Bring `store` up to date from the topics, and let the installation go on with it and with a fresh worker."""
    cluster.database = store
    done = await CatchUp(cluster.installation, RememberedLog(cluster.log)).run()
    cluster.worker = cluster.new_worker()
    cluster.retries = RetryTimer(cluster.installation)
    return done
