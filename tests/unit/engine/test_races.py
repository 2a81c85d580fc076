"""Of two workers that want to make the same call only the first may."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection

from streams.store.effects import Claim, Mark, claim, mark
from streams.store.engine import ConflictError
from streams.store.schema import INTENT, RELEASED, effects
from streams.testing import MemoryStore

FIRST, SECOND = b"1" * 16, b"2" * 16


def asked_by(execution: bytes) -> Claim:
    return Claim("welcome:k", execution, "send-welcome-email", may_repeat=False)


async def test_a_call_that_another_worker_took_after_it_was_read_is_not_made() -> None:
    store = MemoryStore()

    def first_takes_it(connection: Connection, *_: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        connection.execute(sa.update(effects).values(ledger_id=FIRST, status=INTENT, changed_at=3))

    def second_was_slow(connection: Connection) -> None:
        claim(connection, [asked_by(FIRST)], "first", 1)
        mark(connection, [Mark("welcome:k", FIRST, RELEASED, None)], 2)
        event.listen(connection, "after_cursor_execute", first_takes_it, once=True)
        with pytest.raises(ConflictError):
            claim(connection, [asked_by(SECOND)], "second", 4)

    await store.run(second_was_slow)
    store.close()
