"""Due retries are requested with a lease, and end with a person."""

from __future__ import annotations

from streams.store import letters
from streams.testing import (
    Cluster,
    World,
    lead,
)
from tests.support.workflow import RECEIVED, letter_of


async def test_a_retry_that_fails_again_is_the_same_letter_one_generation_on_until_a_person_is_asked(
    cluster: Cluster, world: World
) -> None:
    world.go_down()
    cluster.log.append(RECEIVED, None, lead())
    await cluster.settle()

    for minutes in (1, 3, 13, 80, 450):
        cluster.clock.advance(minutes=minutes)
        await cluster.retries.tick()
        await cluster.settle()

    found = [letter_of(record) for record in cluster.letters]
    assert [letter.generation for letter in found] == [0, 1, 2, 3, 4, 5]
    assert len({(letter.id, letter.first_time, letter.offset) for letter in found}) == 1
    assert [letter.next_attempt is None for letter in found] == [False] * 5 + [True]
    (row,) = await cluster.database.run(letters.find)
    assert row.status == "parked"


async def test_a_retry_that_was_asked_for_and_not_heard_of_is_asked_for_again_after_its_lease(
    cluster: Cluster, world: World
) -> None:
    world.go_down()
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()
    cluster.clock.advance(minutes=1)

    asked = [await cluster.retries.tick()]
    for seconds in (59, 2):
        cluster.clock.advance(seconds=seconds)
        asked.append(await cluster.retries.tick())

    assert asked == [1, 0, 1]
