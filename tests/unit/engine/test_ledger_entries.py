"""Work in the ledger is not repeated, and an id that is reused with other content is noticed."""

from __future__ import annotations

import sqlalchemy as sa

from actions.action import Effect, action
from actions.ports import Effects, Identity, LeadRules
from actions.validate_lead import validate_lead
from streams.onboarding import ONBOARDING
from streams.store import letters
from streams.store.engine import Database
from streams.store.schema import contacts
from streams.testing import (
    Cluster,
    World,
    adapters_of,
    event_headers,
    lead,
)
from streams.workflow import Workflow, when
from tests.support.workflow import RECEIVED, data, letter_of, rows, with_function
from topics.envelope import Envelope
from topics.events import (
    LeadReceived,
    LeadRejected,
    LeadValidated,
    Origin,
)


@action(version=1, effect=Effect("tell:{run}", scope="run"))
async def tell_somebody(lead: LeadReceived, *, envelope: Envelope, effects: Effects) -> LeadRejected:
    """Call outside for a public event, as the onboarding workflow has none."""

    async def call() -> str:
        return "told"

    await effects.once(call)
    origin = Origin(event_id=envelope.id, source=envelope.source, time=envelope.time)
    return LeadRejected(lead_id=envelope.id, origin=origin, reasons=[])


async def test_what_comes_again_gets_the_same_results_and_nothing_runs_twice(
    cluster: Cluster, world: World
) -> None:
    for number in range(5):
        cluster.log.append(RECEIVED, None, lead(email=f"p{number}@example.com"))
    await cluster.settle()
    first = {topic: list(records) for topic, records in cluster.log.topics.items()}
    before = await rows(cluster, sa.select(contacts).order_by(contacts.c.contact_key))

    cluster.forget_acknowledgements()
    cluster.clock.advance(minutes=5)
    await cluster.settle_once()
    cluster.forget_acknowledgements()
    await cluster.settle_once()

    for topic, records in cluster.log.topics.items():
        stated = {(record.key, record.value, tuple(record.headers)) for record in records}
        assert stated == {(record.key, record.value, tuple(record.headers)) for record in first[topic]}
    assert await rows(cluster, sa.select(contacts).order_by(contacts.c.contact_key)) == before
    assert (len(world.mails), len(world.notes)) == (5, 5)


async def test_the_same_id_is_a_repetition_with_the_same_content_and_an_error_with_other(
    cluster: Cluster,
) -> None:
    cluster.log.append(RECEIVED, b"k", b'{"email": "jane@example.com", "city": "Bonn"}', event_headers("e-1"))
    cluster.log.append(RECEIVED, b"k", b'{"city":"Bonn","email":"jane@example.com"}', event_headers("e-1"))
    cluster.log.append(RECEIVED, b"k", b'{"city":"Berlin","email":"jane@example.com"}', event_headers("e-1"))

    await cluster.settle()

    assert len({record.value for record in cluster.records(LeadValidated)}) == 1
    (letter,) = map(letter_of, cluster.letters)
    assert (letter.code, letter.failure_class, letter.offset) == ("ID_REUSED", "invalid", 2)


async def test_the_replay_of_a_reused_id_does_not_pass_for_the_event_that_had_it_first(
    cluster: Cluster,
) -> None:
    cluster.log.append(RECEIVED, b"k", lead(city="Bonn"), event_headers("e-1"))
    cluster.log.append(RECEIVED, b"k", lead(city="Berlin"), event_headers("e-1"))
    await cluster.settle()
    (record,) = cluster.letters

    cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
    await cluster.settle()

    (row,) = await cluster.database.run(letters.find)
    assert (row.letter.code, row.letter.generation, row.status) == ("ID_REUSED", 1, "parked")


async def test_the_replay_of_a_reused_id_does_not_take_the_place_of_the_first_that_failed(
    database: Database, world: World
) -> None:
    is_broken = True

    async def breaks(
        lead: LeadReceived, *, envelope: Envelope, identity: Identity, rules: LeadRules
    ) -> LeadValidated | LeadRejected:
        if is_broken:
            raise KeyError
        return await validate_lead(lead, envelope=envelope, identity=identity, rules=rules)

    cluster = Cluster(with_function(ONBOARDING, "validate_lead", breaks), adapters_of(world), database)
    for city in ("Bonn", "Berlin"):
        cluster.log.append(RECEIVED, b"k", lead(city=city), event_headers("e-1"))
    await cluster.settle()
    first, reused = cluster.letters
    is_broken = False

    for record in (reused, first):
        cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
    await cluster.settle()

    assert [data(record)["lead"]["city"] for record in cluster.records(LeadValidated)] == ["Bonn"]


async def test_an_id_that_is_reused_within_a_batch_is_noticed_by_every_kind_of_action(
    database: Database, world: World
) -> None:
    workflow = Workflow("telling", when(LeadReceived).do(tell_somebody).then(LeadRejected))
    cluster = Cluster(workflow, adapters_of(world), database)
    for city in ("Bonn", "Bonn", "Berlin"):
        cluster.log.append(RECEIVED, b"k", lead(city=city), event_headers("e-1"))

    await cluster.settle()

    assert [(found.code, found.offset) for found in map(letter_of, cluster.letters)] == [("ID_REUSED", 2)]
    assert len(cluster.records(LeadRejected)) == 1
