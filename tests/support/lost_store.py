"""Replaces the store of an in-memory installation by an older copy and lets that catch up from the topics."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import orjson
import sqlalchemy as sa

from streams.dead_letters.retries import RetryTimer
from streams.onboarding import ONBOARDING
from streams.operations.recovery.catch_up import CatchUp, CaughtUp
from streams.store.schema import RELEASED, contacts, effects, ledger, turns
from streams.store.schema import letters as letters_table
from streams.testing import Cluster, MemoryStore, World, adapters_of, event_headers, lead
from streams.testing.clock import TimelessLoop
from tests.support.reading_back import RememberedLog
from topics.events import LeadReceived


def copy_of(store: MemoryStore) -> MemoryStore:
    """Return a copy of the store as it is now."""
    copy = MemoryStore()
    with store.engine.connect() as source, copy.engine.connect() as target:
        # Both outside a transaction, because SQLite copies no file during a write.
        source.rollback()
        target.rollback()
        from_raw, to_raw = source.connection.driver_connection, target.connection.driver_connection
        assert from_raw is not None
        assert to_raw is not None
        from_raw.backup(to_raw)
    return copy


async def catch_up(cluster: Cluster, store: MemoryStore) -> CaughtUp:
    """Bring `store` up to date from the topics; the installation continues with it and with a new worker."""
    cluster.database = store
    done = await CatchUp(cluster.installation, RememberedLog(cluster.log)).run()
    cluster.worker = cluster.new_worker()
    cluster.retries = RetryTimer(cluster.installation)
    return done


class LosableInstallation:
    """A cluster whose store can be lost."""

    def __init__(self) -> None:
        self.loop = TimelessLoop()
        self.world = World()
        self.store = MemoryStore()
        self.cluster = Cluster(ONBOARDING, adapters_of(self.world), self.store)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever it returns
        return self.loop.run_until_complete(coroutine)

    def publish(self, event_id: str, value: bytes | None = None, **fields: object) -> None:
        self.cluster.clock.advance(seconds=20)
        headers = event_headers(event_id, time=self.cluster.clock().strftime("%Y-%m-%dT%H:%M:%SZ"))
        email = str(fields.get("email", event_id))
        topic = self.cluster.names.of(LeadReceived)
        self.cluster.log.append(topic, email.encode(), lead(**fields) if value is None else value, headers)
        self.run(self.cluster.settle())

    def retry(self) -> None:
        self.cluster.clock.advance(minutes=5)
        self.run(self.cluster.retries.tick())
        self.run(self.cluster.settle())

    def lose_the_store(self, backup: MemoryStore) -> Any:  # noqa: ANN401 - CaughtUp
        done = self.run(catch_up(self.cluster, backup))
        self.store = backup
        return done


def knowledge(store: MemoryStore) -> dict[str, Any]:
    """Return everything in a store that has consequences; times and numbers of attempts have none."""

    def rows(*columns: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - columns
        selected = store.transact(lambda connection: connection.execute(sa.select(*columns)).all())
        return sorted(map(tuple, selected), key=repr)

    row, one, person, letter = ledger.c, effects.c, contacts.c, letters_table.c
    return {
        "ledger": rows(
            row.id, row.action, row.version, row.correlation_id, row.lead_id, row.contact_key, row.status
        ),
        "results": [
            (key, kind, orjson.loads(result), digest)
            for key, kind, result, digest in rows(row.id, row.result_type, row.result, row.digest)
            if kind is not None
        ],
        # A call that was certainly not made equals one that was never intended.
        "effects": [
            row for row in rows(one.key, one.ledger_id, one.status, one.reference) if row[2] != RELEASED
        ],
        "contacts": [
            (*facts, orjson.loads(fields))
            for *facts, fields in rows(
                person.contact_key,
                person.contact_id,
                person.email,
                person.phone,
                person.owner_id,
                person.revision,
                person.fields,
            )
        ],
        "letters": rows(
            letter.id, letter.status, letter.generation, letter.code, letter.lead_id, letter.record_value
        ),
        "turns": rows(turns.c.name, turns.c.next),
    }


def work_a_day(onboarding: LosableInstallation) -> None:
    """Publish leads of every kind, with outages of the outside servers in between."""
    onboarding.publish("e-2", email="max@example.com", company="Zuse KG")
    onboarding.publish(
        "e-3", email="jane@example.com", company="Ada Ltd"
    )  # the second lead of a known contact
    onboarding.publish("e-4", email="no address")
    onboarding.publish("e-5", value=b"{")
    onboarding.world.go_down()
    onboarding.publish("e-6", email="ida@example.com", phone="+49 30 901820")
    onboarding.publish("e-7", email="kay@example.com")
    onboarding.world.come_back()
    onboarding.retry()
    onboarding.world.go_down()
    onboarding.publish("e-8", email="lea@example.com", name="Lea Maier")
    onboarding.world.come_back()
