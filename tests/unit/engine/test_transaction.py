"""Actions over the store: one transaction per batch, and a failure drops its own changes only."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from actions.create_or_update_contact import create_or_update_contact
from actions.errors import TransientError
from actions.ports import Contacts, Identity
from streams.engine.handover import Records
from streams.onboarding import ONBOARDING
from streams.store.engine import ConflictError, Database, StoreUnavailableError
from streams.store.schema import contacts, ledger
from streams.testing import (
    Cluster,
    World,
    adapters_of,
    event_headers,
    lead,
)
from tests.support.workflow import RECEIVED, count, data, letter_of, rows, with_function
from topics.events import (
    ContactUpserted,
    LeadAssigned,
    LeadMatched,
    LeadReceived,
)


async def test_a_failed_action_leaves_no_trace_and_its_neighbours_are_untouched(
    database: Database, world: World
) -> None:
    async def fails_after_saving(
        lead: LeadMatched, *, contacts: Contacts, identity: Identity
    ) -> ContactUpserted:
        upserted = await create_or_update_contact(lead, contacts=contacts, identity=identity)
        if lead.lead_id == "bad":
            raise KeyError("jane.doe@example.com")
        return upserted

    cluster = Cluster(
        with_function(ONBOARDING, "create_or_update_contact", fails_after_saving),
        adapters_of(world),
        database,
    )
    for name in ("one", "bad", "two"):
        cluster.log.append(RECEIVED, b"k", lead(email=f"{name}@example.com", lead_id=name))

    await cluster.settle()

    stored = {row.email for row in await rows(cluster, sa.select(contacts.c.email))}
    assert stored == {"one@example.com", "two@example.com"}
    (letter,) = map(letter_of, cluster.letters)
    assert (letter.failure_class, letter.code, letter.stage) == ("defect", "DEFECT", "execute")
    assert "jane" not in str(letter)


async def test_workers_that_settle_the_same_records_at_once_do_everything_once(
    cluster: Cluster, world: World
) -> None:
    for number in range(40):
        cluster.log.append(RECEIVED, None, lead(email=f"p{number % 20}@example.com", lead_id=f"L{number}"))
    workers = [cluster.new_worker() for _ in range(3)]

    for event in ONBOARDING.inputs:
        batch = list(cluster.records(event))
        unique = list({(record.value, str(record.headers)): record for record in batch}.values())
        for step in ONBOARDING.reading(event):
            await asyncio.gather(*(worker.processor.process(step, Records(unique)) for worker in workers))

    assert await count(cluster, contacts) == 20
    assert await count(cluster, ledger) == 40 * len(ONBOARDING.steps_of(LeadReceived))
    assert sorted(mail.to for mail in world.mails) == sorted({mail.to for mail in world.mails})
    owners: dict[bytes | None, set[str]] = {}
    for record in cluster.records(LeadAssigned):
        owners.setdefault(record.key, set()).add(data(record)["owner"]["id"])
    assert {len(found) for found in owners.values()} == {1}


async def test_an_expired_event_is_not_executed(cluster: Cluster) -> None:
    headers = event_headers("e-1", expirytime="2026-11-23T08:59:59Z")
    cluster.log.append(RECEIVED, None, lead(), headers)

    await cluster.settle()

    (letter,) = map(letter_of, cluster.letters)
    assert (letter.code, letter.failure_class) == ("EXPIRED", "expired")
    assert await count(cluster, contacts) == 0


async def test_a_store_that_fails_inside_an_action_is_not_the_records_fault(
    database: Database, world: World
) -> None:
    outages = iter([True])

    async def loses_its_store(
        lead: LeadMatched, *, contacts: Contacts, identity: Identity
    ) -> ContactUpserted:
        if next(outages, False):
            raise OperationalError("SELECT", {}, OSError("disk I/O error"))
        return await create_or_update_contact(lead, contacts=contacts, identity=identity)

    workflow = with_function(ONBOARDING, "create_or_update_contact", loses_its_store)
    cluster = Cluster(workflow, adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())
    with pytest.raises(StoreUnavailableError):
        await cluster.settle()

    await cluster.settle()

    assert cluster.letters == []
    assert len(cluster.records(ContactUpserted)) == 1


async def test_a_store_that_takes_no_writes_is_an_outage_and_no_reason_for_letters(
    cluster: Cluster, world: World
) -> None:
    # As after a failover, when the connected server has become a standby.
    is_sqlite = cluster.database.is_sqlite
    read_only = "PRAGMA query_only = ON" if is_sqlite else "SET default_transaction_read_only = on"
    with cluster.database.engine.connect() as connection:
        connection.exec_driver_sql(read_only)
        connection.commit()
    cluster.log.append(RECEIVED, b"k", lead())
    with pytest.raises(StoreUnavailableError):
        await cluster.settle()
    assert cluster.letters == []

    await cluster.settle()  # over a new connection

    assert (len(cluster.letters), len(world.mails)) == (0, 1)


async def test_a_record_that_loses_every_race_is_tried_again_later_and_not_left_to_a_person(
    database: Database, world: World
) -> None:
    races = iter(range(8))  # as often as the store restarts a transaction

    async def is_overtaken(lead: LeadMatched, *, contacts: Contacts, identity: Identity) -> ContactUpserted:
        if next(races, None) is not None:
            raise ConflictError
        return await create_or_update_contact(lead, contacts=contacts, identity=identity)

    workflow = with_function(ONBOARDING, "create_or_update_contact", is_overtaken)
    cluster = Cluster(workflow, adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()
    (letter,) = map(letter_of, cluster.letters)
    assert (letter.failure_class, letter.code) == ("transient", "STORE_CONFLICT")

    cluster.clock.advance(minutes=1)
    await cluster.retries.tick()
    await cluster.settle()

    assert len(cluster.records(ContactUpserted)) == 1


async def test_what_an_action_saved_before_it_failed_for_the_moment_is_dropped(
    database: Database, world: World
) -> None:
    async def fails_after_saving(
        lead: LeadMatched, *, contacts: Contacts, identity: Identity
    ) -> ContactUpserted:
        upserted = await create_or_update_contact(lead, contacts=contacts, identity=identity)
        if lead.lead_id == "busy":
            raise TransientError("BUSY")
        return upserted

    workflow = with_function(ONBOARDING, "create_or_update_contact", fails_after_saving)
    cluster = Cluster(workflow, adapters_of(world), database)
    for name in ("one", "busy", "two"):
        cluster.log.append(RECEIVED, b"k", lead(email=f"{name}@example.com", lead_id=name))

    await cluster.settle()

    def stored(connection: Connection) -> set[str]:
        return set(connection.execute(sa.select(contacts.c.email)).scalars())

    assert await cluster.database.run(stored) == {"one@example.com", "two@example.com"}
    assert [letter_of(record).code for record in cluster.letters] == ["BUSY"]


async def test_a_contact_that_the_database_refuses_fails_alone(cluster: Cluster) -> None:
    await cluster.database.run(lambda c: c.execute(sa.text("CREATE UNIQUE INDEX one ON contacts (phone)")))
    for number in range(6):
        phone = "+49 30 2000000" if number in (1, 4) else None
        cluster.log.append(
            RECEIVED, b"k", lead(email=f"p{number}@example.com", phone=phone, lead_id=str(number))
        )

    await cluster.settle()

    assert [letter_of(record).code for record in cluster.letters] == ["STORE_CONFLICT"]
    assert sorted(data(record)["lead_id"] for record in cluster.records(ContactUpserted)) == list("01235")
