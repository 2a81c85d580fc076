"""How dead letters are selected, counted and grouped; uses the fixture `database`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from streams.dead_letters.groups import groups, stats
from streams.dead_letters.selection import Selection, count, select
from streams.store import letters
from streams.store.engine import Database
from streams.store.letters import PARKED, SCHEDULED, LetterRow
from topics.envelope import timestamp
from topics.letter import DeadLetter
from topics.registry import BY_NAME, LETTERS

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def row(number: int, *, age: timedelta = DAY, status: str = PARKED, **fields_of_letter: Any) -> LetterRow:  # noqa: ANN401
    """A letter that failed `age` ago; `said` are fields of the letter, and `lead` and `key`."""
    lead, key = fields_of_letter.pop("lead", f"lead-{number}"), fields_of_letter.pop("key", b"key")
    moment = timestamp(NOW - age)
    fields: dict[str, Any] = {
        "topic": "crm.leads.received.v1",
        "partition": 0,
        "offset": number,
        "timestamp": 0,
        "group": "leads",
        "delivery_count": 1,
        "message": "It failed.",
        "id": f"{number:08x}-0000-5000-8000-000000000000",
        "generation": 0,
        "time": moment,
        "first_time": moment,
        "action": "validate-lead",
        "action_version": 1,
        "stage": "decode",
        "failure_class": "poison",
        "code": "NOT_JSON",
        "fingerprint": "a" * 12,
        "app_version": "1.0",
        **fields_of_letter,
    }
    return LetterRow(status, None, DeadLetter(**fields), lead, key, b"{}", [])


MAIL = {
    "action": "send-welcome-email",
    "code": "SMTP_REFUSED",
    "failure_class": "rejected",
    "fingerprint": "b" * 12,
}
ROWS = (
    row(1, age=3 * DAY),
    row(2, age=DAY / 2, key=b"\xffother", lead=None),
    row(3, age=DAY / 4, **MAIL),
    row(4, age=DAY / 8, status=SCHEDULED, generation=2, app_version="2.0", **MAIL),
    row(5, age=5 * DAY, status="resolved"),
)
"""Two of the same poison, two of one mail, and one that is done."""
OPEN_ONES = Selection().condition(NOW)


class LetterIndexSuite:
    @pytest.fixture(autouse=True)
    def indexed(self, database: Database) -> None:
        database.transact(lambda connection: letters.index(connection, ROWS, 0))

    def selected(self, database: Database, **given: Any) -> list[int]:  # noqa: ANN401 - whatever a selection takes
        condition = Selection(**given).condition(NOW)
        ids = database.transact(lambda connection: select(connection, condition))
        assert database.transact(lambda connection: count(connection, condition)) == len(ids)
        return [int(each[:8], 16) for each in ids]

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({"where": "code = NOT_JSON and not first_seen < -1d"}, [2]),
            ({"where": "status in (scheduled) or lead ~ EAD-1"}, [1, 4]),
            ({"where": "generation >= 1 and class = rejected"}, [4]),
            ({"app_version": ["2.0"]}, [4]),
            ({"where": "not lead ~ lead-", "status": ["parked"]}, [2]),
            ({}, [1, 2, 3, 4]),
            ({"status": ["resolved"]}, [5]),
            ({"id": ["00000002", "000000040"]}, [2]),
            ({"group": ["b" * 12]}, [3, 4]),
            ({"action": ["validate_lead"], "key": ["\udcffother"]}, [2]),
            ({"class_": ["rejected"], "status": [SCHEDULED]}, [4]),
            ({"code": ["not_json"], "lead": ["lead-1", "lead-3"]}, [1]),
            ({"since": "1d", "until": "4.8h"}, [2, 3]),
            ({"generation": "1-3"}, [4]),
        ],
    )
    def test_all_that_is_given_must_hold(
        self, database: Database, given: dict[str, Any], expected: list[int]
    ) -> None:
        assert self.selected(database, **given) == expected

    def test_groups_count_the_letters_of_one_cause_and_tell_which_are_new(self, database: Database) -> None:
        found = database.transact(lambda connection: groups(connection, OPEN_ONES, NOW, 10))

        assert [(each.fingerprint[0], each.count, each.scheduled, each.is_new) for each in found] == [
            ("a", 2, 0, False),
            ("b", 2, 1, True),
        ]
        assert (found[0].first_seen, found[0].last_seen) == (
            timestamp(NOW - 3 * DAY),
            timestamp(NOW - DAY / 2),
        )
        assert found[1].sample.startswith("0000000")
        assert [each.versions for each in found] == [["1.0"], ["1.0", "2.0"]]

    def test_a_group_whose_older_letters_are_done_is_not_new(self, database: Database) -> None:
        done = row(6, age=9 * DAY, status="resolved", **MAIL)
        database.transact(lambda connection: letters.index(connection, [done], 0))

        found = database.transact(lambda connection: groups(connection, OPEN_ONES, NOW, 10))

        assert [(each.fingerprint[0], each.count, each.is_new) for each in found] == [
            ("a", 2, False),
            ("b", 2, False),
        ]

    def test_counts_add_up_and_the_oldest_open_letter_gives_the_headroom(self, database: Database) -> None:
        every = Selection(status=["parked", "scheduled", "resolved"]).condition(NOW)

        found = database.transact(lambda connection: stats(connection, every, NOW))

        assert found.by["status"] == {"parked": 3, "resolved": 1, "scheduled": 1}
        assert [sum(counts.values()) for counts in found.by.values()] == [5, 5, 5, 5]
        assert found.headroom == BY_NAME[LETTERS].retention - 3 * DAY
