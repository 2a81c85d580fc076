"""The store in memory, which can be away and whose workers can die."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store import marks
from streams.store.engine import StoreUnavailableError
from streams.testing import MemoryStore
from streams.testing.life import CrashError, Life


def put(connection: Connection) -> None:
    marks.put(connection, "name", 1)


def there(store: MemoryStore) -> bool:
    return store.transact(lambda connection: marks.get(connection, "name")) is not None


def test_a_store_that_is_away_refuses_as_many_transactions_as_asked() -> None:
    store = MemoryStore()
    store.refuses = 2
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="the store is away"):
            store.transact(put)
    store.transact(put)

    assert there(store)
    store.close()


@pytest.mark.parametrize(("ends_at", "is_written"), [(1, False), (2, True)])
def test_a_worker_may_die_before_and_after_a_commit(ends_at: int, *, is_written: bool) -> None:
    store = MemoryStore()
    mine = store.of_worker(Life(ends_at=ends_at))

    with pytest.raises(CrashError, match="the commit of marks"):
        mine.transact(put)
    with pytest.raises(CrashError):
        mine.transact(put)

    assert there(store) == is_written
    store.close()


def test_reading_is_no_point_to_die_at() -> None:
    store = MemoryStore()
    life = Life()

    store.of_worker(life).transact(lambda connection: connection.execute(sa.text("SELECT 1")).all())

    assert life.points == []
    store.close()
