"""A call is made once; an interrupted one is uncertain unless repeating it is declared or decided."""

from __future__ import annotations

import asyncio

import pytest

from actions.ports import Mail
from streams.onboarding import ONBOARDING
from streams.store import letters
from streams.store.engine import Database
from streams.testing import (
    Cluster,
    World,
    adapters_of,
    event_headers,
    lead,
)
from tests.support.workflow import RECEIVED, crash_while_sending, data, letter_of
from topics.events import (
    LeadWelcomed,
)
from topics.letter import DeadLetter


async def test_a_crash_between_a_call_and_its_outcome_is_uncertain_and_not_repeated(
    cluster: Cluster, world: World
) -> None:
    await crash_while_sending(cluster, world)

    await cluster.settle()

    (letter,) = map(letter_of, cluster.letters)
    assert (letter.code, letter.failure_class, letter.next_attempt) == ("UNCERTAIN", "uncertain", None)
    assert len(world.mails) == 1

    # A later lead of the same person is not welcomed over it, and a person may decide to send again.
    cluster.log.append(RECEIVED, None, lead(city="Bonn"))
    await cluster.settle()
    assert data(cluster.records(LeadWelcomed)[-1])["reason"] == "welcome-pending"
    assert len(world.mails) == 1
    record = cluster.letters[0]
    cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
    await cluster.settle()
    assert len(world.mails) == 2
    assert len({mail.message_id for mail in world.mails}) == 1


async def test_a_crash_between_a_call_and_its_outcome_is_repeated_where_that_is_declared(
    database: Database, world: World
) -> None:
    workflow = ONBOARDING.with_effect("welcome", when_uncertain="repeat")
    cluster = Cluster(workflow, adapters_of(world), database)
    await crash_while_sending(cluster, world)

    await cluster.settle()

    assert cluster.letters == []
    assert len(world.mails) == 2
    assert len({mail.message_id for mail in world.mails}) == 1


async def test_a_decision_to_send_again_is_used_up_by_one_crash(cluster: Cluster, world: World) -> None:
    await crash_while_sending(cluster, world)
    cluster.clock.advance(seconds=20)
    await cluster.settle()
    (record,) = cluster.letters
    crash = world.fail

    def deliver_and_crash(mail: Mail) -> None:
        world.mails.append(mail)
        world.fail = crash
        raise asyncio.CancelledError

    world.fail = deliver_and_crash
    cluster.clock.advance(minutes=5)
    cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
    with pytest.raises(asyncio.CancelledError):
        await cluster.settle()
    cluster.worker = cluster.new_worker()

    await cluster.settle()

    assert len(world.mails) == 2
    (row,) = await cluster.database.run(letters.find)
    assert (row.letter.code, row.letter.generation, row.status) == ("UNCERTAIN", 1, "parked")


async def test_a_call_that_fails_in_a_way_nobody_knows_is_in_doubt_and_not_made_again(
    cluster: Cluster, world: World
) -> None:
    def cut_off(mail: Mail) -> None:
        world.mails.append(mail)  # it was sent, but the reply was not understood
        raise ValueError

    world.fail = cut_off
    cluster.log.append(RECEIVED, b"key", lead(email="jane@example.com"), event_headers("e-1"))
    await cluster.settle()
    world.come_back()
    cluster.log.append(RECEIVED, b"key", lead(email="jane@example.com"), event_headers("e-2"))
    await cluster.settle()

    codes = [DeadLetter.from_headers(record.headers).code for record in cluster.letters]
    assert (codes, len(world.mails)) == (["UNCERTAIN"], 1)
