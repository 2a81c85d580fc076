"""Test that only the first of two claims of a call is granted, and that an outcome is final."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection

from streams.store import effects
from streams.store.effects import Claim, Mark, claim, mark
from streams.store.engine import ConflictError
from streams.store.schema import CALLED, INTENT, RELEASED
from streams.store.schema import effects as effects_table
from streams.testing import (
    Cluster,
    MemoryStore,
)

FIRST, SECOND = b"1" * 16, b"2" * 16


def claim_of(execution: bytes) -> Claim:
    return Claim("welcome:k", execution, "send-welcome-email", may_repeat=False)


async def test_a_call_that_was_made_stays_made_whatever_its_second_execution_states(cluster: Cluster) -> None:
    execution, key = b"e" * 16, "welcome:k"
    claim = effects.Claim(key, execution, "send-welcome-email", may_repeat=True)
    later = effects.Claim(key, b"l" * 16, "send-welcome-email", may_repeat=True)

    def unit(connection: Connection) -> effects.Claimed:
        for worker in ("one", "two"):
            effects.claim(connection, [claim], worker, 0, str)
        effects.mark(connection, [effects.Mark(key, execution, CALLED, "<message id>")], 1)
        effects.mark(connection, [effects.Mark(key, execution, RELEASED, None)], 2)
        effects.mark(connection, [effects.Mark(key, execution, CALLED, "<of its copy>")], 3)
        return effects.claim(connection, [later], "one", 4, str)[0]

    answer = await cluster.database.run(unit)

    assert (answer.verdict, answer.reference) == (effects.Verdict.CALLED, "<message id>")


async def test_an_outcome_is_not_written_over_that_of_another_execution(cluster: Cluster) -> None:
    def unit(connection: Connection) -> effects.Claimed:
        first, second = (
            effects.Claim("key", execution, "notify-owner", may_repeat=False)
            for execution in (b"a" * 16, b"b" * 16)
        )
        effects.claim(connection, [first], "worker", 0, str)
        effects.mark(connection, [effects.Mark("key", second.ledger_id, RELEASED, None)], 1)
        return effects.claim(connection, [second], "worker", 2, str)[0]

    answer = await cluster.database.run(unit)

    assert answer.verdict is effects.Verdict.PENDING


async def test_a_call_that_another_worker_took_after_it_was_read_is_not_made() -> None:
    store = MemoryStore()

    def first_takes_it(connection: Connection, *_: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        connection.execute(sa.update(effects_table).values(ledger_id=FIRST, status=INTENT, changed_at=3))

    def second_was_slow(connection: Connection) -> None:
        claim(connection, [claim_of(FIRST)], "first", 1, str)
        mark(connection, [Mark("welcome:k", FIRST, RELEASED, None)], 2)
        event.listen(connection, "after_cursor_execute", first_takes_it, once=True)
        with pytest.raises(ConflictError):
            claim(connection, [claim_of(SECOND)], "second", 4, str)

    await store.run(second_was_slow)
    store.close()
