"""Run the suites of the ports on the SQL adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from actions.ports import Receipt
from streams.engine.effects import ExecutionEffects
from streams.engine.execution import Execution, Source
from streams.engine.intents import IntentLog
from streams.onboarding import ONBOARDING
from streams.store import effects
from streams.store.contacts import SqlContacts
from streams.store.engine import Database
from streams.store.roster import SqlRoster
from streams.testing import Clock
from tests.suites.contacts import ContactsSuite
from tests.suites.effects import EffectsOf, EffectsSuite
from tests.suites.roster import OWNERS, RosterSuite
from tests.unit.actions.examples import ENVELOPE, assigned
from topics.decode import Decoded, Position

MOMENT = 1_700_000_000_000_000


class SqlStore:
    """One transaction per action."""

    def __init__(self, database: Database, adapter: Callable[[Connection, Sequence[Any]], Any]) -> None:
        self._database = database
        self._adapter = adapter

    @asynccontextmanager
    async def action(self) -> AsyncIterator[Any]:
        with self._database.engine.begin() as connection:
            port = self._adapter(connection, [])
            try:
                yield port
            except Exception:
                port.drop()
                raise
            else:
                port.keep()
            finally:
                port.flush(MOMENT)


class BatchStore:
    """One transaction for all actions of a test, which must see staged changes before they are written."""

    def __init__(self, connection: Connection, adapter: Callable[[Connection, Sequence[Any]], Any]) -> None:
        self._port = adapter(connection, [])

    @asynccontextmanager
    async def action(self) -> AsyncIterator[Any]:
        try:
            yield self._port
        except Exception:
            self._port.drop()
            raise
        else:
            self._port.keep()


class SqlEffects:
    """An effect port that marks the outcome of each call as the engine's runner does."""

    def __init__(self, database: Database, intents: IntentLog, execution: Execution) -> None:
        self._database = database
        self._intents = intents
        self._execution = execution

    @property
    def key(self) -> str:
        return self._execution.effect_key

    async def once(self, call: Callable[[], Awaitable[str]]) -> Receipt:
        port = ExecutionEffects(self._intents, self._execution, may_repeat=False)
        try:
            return await port.once(call)
        finally:
            await self._database.run(lambda connection: effects.mark(connection, port.marks, MOMENT))


class TestSqlEffects(EffectsSuite):
    @pytest.fixture
    def effects_of(self, database: Database) -> EffectsOf:
        intents = IntentLog(database, "worker", Clock(), str)
        step = ONBOARDING.step("send_welcome_email")

        def of(event_id: str, *, key: str = "key") -> SqlEffects:
            decoded = Decoded(
                ENVELOPE._replace(id=event_id), assigned().model_copy(update={"contact_key": key}), None
            )
            source = Source(Position("topic", 0, 0, 0), None, b"{}", [])
            return SqlEffects(database, intents, Execution(source, step, decoded))

        return of


def _roster(connection: Connection, _: Sequence[Any]) -> SqlRoster:
    return SqlRoster(connection, OWNERS)


class TestSqlContacts(ContactsSuite):
    @pytest.fixture
    def store(self, database: Database) -> SqlStore:
        return SqlStore(database, SqlContacts)


class TestSqlContactsInOneBatch(ContactsSuite):
    @pytest.fixture
    def store(self, database: Database) -> Iterator[BatchStore]:
        with database.engine.begin() as connection:
            yield BatchStore(connection, SqlContacts)


class TestSqlRoster(RosterSuite):
    @pytest.fixture
    def store(self, database: Database) -> SqlStore:
        return SqlStore(database, _roster)


class TestSqlRosterInOneBatch(RosterSuite):
    @pytest.fixture
    def store(self, database: Database) -> Iterator[BatchStore]:
        with database.engine.begin() as connection:
            yield BatchStore(connection, _roster)
