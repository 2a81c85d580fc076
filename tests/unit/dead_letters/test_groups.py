"""Letters are counted in groups of one cause, and by status, class, action and code."""

from __future__ import annotations

import pytest

from streams.dead_letters.groups import groups, stats
from streams.dead_letters.selection import Selection
from streams.store import letters
from streams.store.engine import Database
from tests.support.letters import DAY, MAIL, NOW, ROWS, row
from topics.envelope import timestamp
from topics.registry import BY_NAME, LETTERS

OPEN_ONES = Selection().condition(NOW)


@pytest.fixture(autouse=True)
def indexed(database: Database) -> None:
    database.transact(lambda connection: letters.index(connection, ROWS, 0))


def test_groups_count_the_letters_of_one_cause_and_mark_new_causes(database: Database) -> None:
    counted = database.transact(lambda connection: groups(connection, OPEN_ONES, NOW, 10))

    assert [(each.fingerprint[0], each.count, each.scheduled, each.is_new) for each in counted] == [
        ("a", 2, 0, False),
        ("b", 2, 1, True),
    ]
    assert (counted[0].first_seen, counted[0].last_seen) == (
        timestamp(NOW - 3 * DAY),
        timestamp(NOW - DAY / 2),
    )
    assert counted[1].sample.startswith("0000000")
    assert [each.versions for each in counted] == [["1.0"], ["1.0", "2.0"]]


def test_a_group_whose_older_letters_are_done_is_not_new(database: Database) -> None:
    done = row(6, age=9 * DAY, status="resolved", **MAIL)
    database.transact(lambda connection: letters.index(connection, [done], 0))

    counted = database.transact(lambda connection: groups(connection, OPEN_ONES, NOW, 10))

    assert [(each.fingerprint[0], each.count, each.is_new) for each in counted] == [
        ("a", 2, False),
        ("b", 2, False),
    ]


def test_counts_add_up_and_headroom_counts_from_the_oldest_open_letter(database: Database) -> None:
    every = Selection(status=["parked", "scheduled", "resolved"]).condition(NOW)

    counted = database.transact(lambda connection: stats(connection, every, NOW))

    assert counted.by["status"] == {"parked": 3, "resolved": 1, "scheduled": 1}
    assert [sum(counts.values()) for counts in counted.by.values()] == [5, 5, 5, 5]
    assert counted.headroom == BY_NAME[LETTERS].retention - 3 * DAY
