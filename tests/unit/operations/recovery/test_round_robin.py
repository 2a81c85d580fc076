"""A store that catches up assigns no turn twice, whichever builds published the assignments and in any order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import pytest

from streams.operations.recovery import round_robin
from streams.store.roster import turns_taken
from streams.testing import MemoryStore
from tests.unit.actions.examples import assigned, upserted
from topics.events import LeadAssigned

TAKEN_BEFORE = 5
KEPT = assigned().model_copy(update={"strategy": "existing"})
OLDER = assigned()
"""An assignment of a build before `turn`."""


def numbered(turn: int) -> LeadAssigned:
    return assigned().model_copy(update={"turn": turn})


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    yield store
    store.close()


def caught_up(store: MemoryStore, batches: Sequence[Sequence[LeadAssigned]]) -> int:
    """Return how many turns are taken after a store with `TAKEN_BEFORE` turns has read these batches."""
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM turns")
        connection.exec_driver_sql(f"INSERT INTO turns VALUES ('owners', {TAKEN_BEFORE})")
        for batch in batches:
            round_robin.count(connection, batch)
        turns = [
            turn for batch in batches for each in batch if (turn := round_robin.turn_of(each)) is not None
        ]
        round_robin.pass_by(connection, max(turns, default=-1))
        return turns_taken(connection)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_each_lost_turn_is_counted_once_in_whatever_order_two_builds_stated_them(
    store: MemoryStore, size: int
) -> None:
    lost = (OLDER, numbered(6), OLDER, numbered(8))  # turns 5 to 8

    for events in list(permutations(lost)) if size == 1 else [lost, lost[::-1]]:
        batches = [events[start : start + size] for start in range(0, len(events), size)]
        assert caught_up(store, batches) == TAKEN_BEFORE + len(lost)


def test_a_turn_of_an_older_build_after_the_last_numbered_one_is_not_given_again(store: MemoryStore) -> None:
    assert caught_up(store, [[OLDER], [numbered(TAKEN_BEFORE)]]) == TAKEN_BEFORE + 2
    assert caught_up(store, [[numbered(TAKEN_BEFORE), OLDER]]) == TAKEN_BEFORE + 2


def test_where_topics_lack_results_the_round_goes_on_after_the_highest_number_there_is(
    store: MemoryStore,
) -> None:
    assert caught_up(store, [[numbered(40)], [numbered(17)]]) == 41


def test_a_contact_that_kept_its_owner_took_no_turn(store: MemoryStore) -> None:
    assert caught_up(store, [[KEPT]]) == TAKEN_BEFORE


def test_a_store_without_turns_begins_the_round_with_the_first_one_stated(store: MemoryStore) -> None:
    with store.engine.begin() as connection:
        round_robin.pass_by(connection, -1)
        round_robin.count(connection, [KEPT, upserted()])
        before = connection.exec_driver_sql("SELECT count(*) FROM turns").scalar()
        round_robin.count(connection, [OLDER])

        assert (before, turns_taken(connection)) == (0, 1)
