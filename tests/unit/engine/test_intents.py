"""Calls whose intent could not be written, or was perhaps written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.engine.intents import Finish, IntentLog
from streams.onboarding import ONBOARDING
from streams.store import letters
from streams.store.engine import Database, StoreUnavailableError
from streams.store.schema import INTENT, effects
from streams.testing import (
    Clock,
    Cluster,
    MemoryStore,
    World,
    adapters_of,
    event_headers,
    lead,
)
from streams.testing.clock import TimelessLoop
from tests.support.workflow import ROW
from topics.events import (
    LeadReceived,
)

T = TypeVar("T")


class BreaksAfterAnIntent(MemoryStore):
    """A store whose driver fails unexpectedly, once, right after the intent of a mail was committed."""

    is_broken = False

    def transact(self, unit: Callable[[Connection], T]) -> T:
        done = super().transact(unit)
        if not self.is_broken and super().transact(_has_intent):
            self.is_broken = True
            raise ZeroDivisionError
        return done


def _has_intent(connection: Connection) -> bool:
    query = sa.select(effects.c.key).where(effects.c.key.startswith("welcome:"), effects.c.status == INTENT)
    return connection.execute(query).first() is not None


def test_an_intent_whose_commit_got_no_answer_ends_as_uncertain_and_as_nothing_else() -> None:
    world, store = World(), BreaksAfterAnIntent()
    cluster = Cluster(ONBOARDING, adapters_of(world), store)
    cluster.log.append(cluster.names.of(LeadReceived), b"key", lead(), event_headers("e-1"))
    with asyncio.Runner(loop_factory=TimelessLoop) as runner:
        with pytest.raises(StoreUnavailableError):
            runner.run(cluster.settle())

        runner.run(cluster.settle())

    found = store.transact(letters.find)
    store.close()
    assert [row.letter.failure_class for row in found] == ["uncertain"]
    assert (len(world.mails), len(world.notes)) == (0, 1)


async def test_the_outcome_that_was_written_first_counts_also_after_an_outage(database: Database) -> None:
    intents = IntentLog(database, "worker", Clock(), str)
    first = await intents.finish(Finish(ROW, None, (), None))
    with database.engine.connect() as connection:  # the next write fails, the one after it does not
        is_sqlite = database.is_sqlite
        connection.exec_driver_sql(
            "PRAGMA query_only = ON" if is_sqlite else "SET default_transaction_read_only = on"
        )
        connection.commit()

    fresh = ROW._replace(id=b"o" * 16)
    answers = [
        await intents.finish(Finish(row._replace(result=b"second"), None, (), None)) for row in (fresh, ROW)
    ]

    assert [first.result, *(answer.result for answer in answers)] == [b"first", b"second", b"first"]
