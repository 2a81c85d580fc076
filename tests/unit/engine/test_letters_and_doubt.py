"""A letter is its record to the byte, and an uncertain call is reported as uncertain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actions.ports import Mail
from streams.onboarding import ONBOARDING
from streams.testing import Cluster, MemoryStore, World, adapters_of, event_headers, lead
from topics.letter import DeadLetter, without_letter

RECEIVED = "crm.leads.received.v1"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def cluster(world: World) -> Iterator[Cluster]:
    store = MemoryStore()
    yield Cluster(ONBOARDING, adapters_of(world), store)
    store.close()


async def test_a_letter_is_the_record_to_the_byte(cluster: Cluster) -> None:
    headers = [("b", b"\xff\x00"), ("a", b"1"), ("a", b"2"), ("a", None), ("c", b"")]
    record = cluster.log.append(RECEIVED, b"\x00key ", b" {poison\xff\r\n ", headers)

    await cluster.settle()

    (letter,) = cluster.letters
    assert (letter.key, letter.value) == (record.key, record.value)
    assert without_letter(letter.headers) == headers


async def test_a_call_that_fails_in_a_way_nobody_knows_is_in_doubt_and_not_made_again(
    cluster: Cluster, world: World
) -> None:
    def cut_off(mail: Mail) -> None:
        world.mails.append(mail)  # it went, and what came back was not understood
        raise ValueError

    world.fail = cut_off
    cluster.log.append(RECEIVED, b"key", lead(email="jane@example.com"), event_headers("e-1"))
    await cluster.settle()
    world.come_back()
    cluster.log.append(RECEIVED, b"key", lead(email="jane@example.com"), event_headers("e-2"))
    await cluster.settle()

    codes = [DeadLetter.from_headers(record.headers).code for record in cluster.letters]
    assert (codes, len(world.mails)) == (["UNCERTAIN"], 1)
