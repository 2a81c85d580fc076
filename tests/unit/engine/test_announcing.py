"""Results: they fit their topics, and prove the call of their execution by the same headers every time."""

from __future__ import annotations

import pytest

from actions.create_or_update_contact import create_or_update_contact
from actions.ports import Contacts, Identity, Mail, Notifier
from actions.send_welcome_email import GREETS_WITHIN
from streams.kafka.producer import PublishError
from streams.onboarding import ONBOARDING
from streams.store.engine import Database
from streams.store.schema import contacts
from streams.testing import (
    Cluster,
    LogRecord,
    World,
    adapters_of,
    event_headers,
    lead,
)
from tests.support.workflow import (
    RECEIVED,
    attributes,
    cell,
    crash_while_sending,
    data,
    letter_of,
    settle_by_others,
    with_function,
)
from topics.events import (
    EVENTS,
    ContactUpserted,
    Event,
    LeadMatched,
    LeadReceived,
    LeadWelcomed,
    OwnerNotified,
)
from topics.letter import PREFIX
from topics.limits import MAX_VALUE
from topics.registry import MIB


def proof(record: LogRecord) -> tuple[str | None, str | None]:
    found = attributes(record)
    return found.get("ce_effect"), found.get("ce_effectref")


def proofs(cluster: Cluster, event: type[Event]) -> list[tuple[str | None, str | None]]:
    return [proof(record) for record in cluster.records(event)]


async def test_only_the_result_whose_execution_made_the_call_proves_it(
    cluster: Cluster, world: World
) -> None:
    for event_id in ("e-1", "e-2"):
        cluster.log.append(RECEIVED, b"k", lead(), event_headers(event_id))

    await cluster.settle()

    (mail,) = world.mails
    key = data(cluster.records(LeadWelcomed)[0])["contact_key"]
    assert proofs(cluster, LeadWelcomed) == [(f"welcome:{key}", mail.message_id), (None, None)]
    assert proofs(cluster, OwnerNotified) == [(note, note) for note in world.notes]
    others = [event for event in EVENTS if event not in (LeadWelcomed, OwnerNotified)]
    assert {found for event in others for found in proofs(cluster, event)} == {(None, None)}


async def test_a_result_that_was_committed_and_not_published_is_stated_with_its_proof(
    cluster: Cluster, world: World
) -> None:
    def lose_the_broker(mail: Mail) -> None:
        cluster.log.is_away = True

    world.fail = lose_the_broker
    cluster.log.append(RECEIVED, b"k", lead(), event_headers("e-1"))
    with pytest.raises(PublishError):
        await cluster.settle()
    assert (len(world.mails), cluster.records(LeadWelcomed)) == (1, [])
    cluster.log.is_away = False
    cluster.worker = cluster.new_worker()

    await cluster.settle()

    assert [reference for _, reference in proofs(cluster, LeadWelcomed)] == [world.mails[0].message_id]
    assert len(world.mails) == 1


async def test_a_call_whose_result_could_not_be_stated_at_first_is_proven_by_the_later_one(
    world: World, database: Database
) -> None:
    works = ONBOARDING.step("send_welcome_email").action.function
    breaks = iter([True])

    async def breaks_once(event: Event, **ports: object) -> Event:
        stated = await works(event, **ports)
        if next(breaks, False):
            raise ZeroDivisionError
        return stated

    cluster = Cluster(
        with_function(ONBOARDING, "send_welcome_email", breaks_once), adapters_of(world), database
    )
    cluster.log.append(RECEIVED, b"k", lead(), event_headers("e-1"))
    await cluster.settle()
    (letter,) = cluster.letters

    cluster.log.append(cluster.names.requests, letter.key, letter.value, letter.headers)
    await cluster.settle()

    assert [reference for _, reference in proofs(cluster, LeadWelcomed)] == [world.mails[0].message_id]
    assert len(world.mails) == 1


async def test_a_call_is_proven_also_when_the_replay_is_skipped_as_stale(
    world: World, database: Database
) -> None:
    works = ONBOARDING.step("send_welcome_email").action.function

    async def breaks(event: Event, **ports: object) -> Event:
        await works(event, **ports)
        raise ZeroDivisionError

    cluster = Cluster(with_function(ONBOARDING, "send_welcome_email", breaks), adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead(), event_headers("e-1"))
    await cluster.settle()
    (letter,) = cluster.letters
    cluster.clock.advance(seconds=2 * GREETS_WITHIN.total_seconds())
    headers = [*letter.headers, (f"{PREFIX}stale", b"skip")]

    cluster.log.append(cluster.names.requests, letter.key, letter.value, headers)
    await cluster.settle()
    first = list(cluster.records(LeadWelcomed))
    cluster.log.append(cluster.names.requests, letter.key, letter.value, headers)
    await cluster.settle()

    again = cluster.records(LeadWelcomed)
    assert [data(record)["outcome"] for record in again] == ["skipped", "skipped"]
    assert proof(first[0])[1] == world.mails[0].message_id
    assert first[0].headers == again[1].headers


async def test_an_uncertain_call_is_proven_by_nothing_until_it_is_made_again(
    cluster: Cluster, world: World
) -> None:
    await crash_while_sending(cluster, world)
    await cluster.settle()
    (letter,) = cluster.letters
    assert cluster.records(LeadWelcomed) == []

    cluster.log.append(cluster.names.requests, letter.key, letter.value, letter.headers)
    await cluster.settle()

    assert [reference for _, reference in proofs(cluster, LeadWelcomed)] == [world.mails[1].message_id]


async def test_a_reference_that_no_attribute_takes_is_cut_to_one(world: World, database: Database) -> None:
    odd = "line one\nline two" + "x" * 1000

    class Odd:
        channel = "webhook"

        async def notify(self, *, key: str, assigned: object) -> str:
            return odd

    cluster = Cluster(ONBOARDING, adapters_of(world, shared={Notifier: Odd()}), database)
    cluster.log.append(RECEIVED, b"k", lead(), event_headers("e-1"))

    await cluster.settle()

    ((_, reference),) = proofs(cluster, OwnerNotified)
    assert reference == odd.replace("\n", " ")[:500]


async def test_what_a_stranger_claims_to_have_called_is_taken_off(cluster: Cluster) -> None:
    claimed = event_headers("e-1", effect="welcome:somebody", effectref="<forged@example.com>")
    cluster.log.append(RECEIVED, b"k", lead(email="no address", phone=None), claimed)
    cluster.log.append(RECEIVED, b"k", lead(), [*claimed[:1], ("ce_id", b"e-2"), *claimed[2:]])

    await cluster.settle()

    stated = [record for event in EVENTS if event is not LeadReceived for record in cluster.records(event)]
    assert len(stated) == len(ONBOARDING.steps_of(LeadReceived)) + 1
    assert b"forged" not in b"".join(value or b"" for record in stated for _, value in record.headers)


@pytest.mark.parametrize(
    ("changes", "code"), [({"message": "x" * MIB}, "RESULT_TOO_LARGE"), ({"message": "\udcff"}, "DEFECT")]
)
async def test_a_result_that_no_topic_takes_becomes_a_letter_and_leaves_no_trace(
    database: Database, world: World, changes: dict[str, str], code: str
) -> None:
    async def overdoes(lead: LeadMatched, *, contacts: Contacts, identity: Identity) -> ContactUpserted:
        upserted = await create_or_update_contact(lead, contacts=contacts, identity=identity)
        return upserted.model_copy(update=changes)

    workflow = with_function(ONBOARDING, "create_or_update_contact", overdoes)
    cluster = Cluster(workflow, adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())

    await cluster.settle()

    assert [letter_of(record).code for record in cluster.letters] == [code]
    assert await cell(cluster, contacts.c.contact_key) is None


async def test_what_is_just_small_enough_for_the_first_step_is_so_for_all_that_follow(
    cluster: Cluster,
) -> None:
    attributes = {f"a{number}": "字" * 1980 for number in range(44)}
    filling = "x" * (MAX_VALUE - len(lead(attributes={**attributes, "last": ""})))
    value = lead(attributes={**attributes, "last": filling})
    headers = event_headers("e-1", note="n" * 7_800)
    cluster.log.append(RECEIVED, b"k", value, headers)
    assert len(value) == MAX_VALUE

    await settle_by_others(cluster)

    assert cluster.letters == []
    assert len(cluster.records(OwnerNotified)) == 1
