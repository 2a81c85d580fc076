"""A selection finds the letters that match all its options, and refuses obvious slips."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from streams.dead_letters.selection import (
    Selection,
    SelectionError,
    count,
    read_due,
    read_generations,
    read_moment,
    select,
)
from streams.store import letters
from streams.store.engine import Database
from streams.store.letters import EVERY, OPEN, SCHEDULED
from tests.support.letters import NOW, ROWS


def selected(database: Database, **options: Any) -> list[int]:  # noqa: ANN401 - whatever a selection takes
    """Return the numbers of the selected letters, after checking that they are counted likewise."""
    condition = Selection(**options).condition(NOW)
    ids = database.transact(lambda connection: select(connection, condition))
    assert database.transact(lambda connection: count(connection, condition)) == len(ids)
    return [int(each[:8], 16) for each in ids]


@pytest.mark.parametrize(
    ("options", "expected"),
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
def test_a_letter_must_match_all_options(
    database: Database, options: dict[str, Any], expected: list[int]
) -> None:
    database.transact(lambda connection: letters.index(connection, ROWS, 0))

    assert selected(database, **options) == expected


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"group": ["c21f"]}, r"--group 'c21f' is not a group.*`leads dead-letters groups`"),
        ({"class_": ["posion"]}, r"--class 'posion' .* did you mean poison\?"),
        ({"class_": ["xyz"]}, r"--class 'xyz' .* one of poison, "),
        ({"id": ["12%"]}, "--id '12%' is not an id"),
        ({"since": "0s", "until": "1d"}, "--since .* is not before --until"),
        ({"generation": "3-1"}, "--generation 3-1 runs backwards"),
        ({"status": ["opne"]}, "--status 'opne' is not a status; one of open, scheduled, "),
        ({"where": "clas = poison"}, r"--where: .*did you mean class\?"),
    ],
)
def test_an_obvious_slip_is_refused_with_the_next_step(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SelectionError, match=sentence):
        Selection(**options).condition(NOW)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
        ("2026-11-23T20:15:00+01:00", datetime(2026, 11, 23, 19, 15, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_date_a_time_or_how_long_ago(text: str, moment: datetime) -> None:
    assert read_moment("--since", text, NOW) == moment


@pytest.mark.parametrize(
    "text", ["9999999d", "9" * 30 + "d", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_a_moment_beyond_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(SelectionError, match=r"--since .* is not a moment"):
        read_moment("--since", text, NOW)
    with pytest.raises(SelectionError, match="--at "):
        read_due("--at", text, NOW)


@pytest.mark.parametrize(
    ("text", "message"),
    [("9999-12-31T23:59:59.999999Z", "too far"), ("2026-11-23", "is over"), ("0s", "is over")],
)
def test_a_due_time_must_lie_ahead_and_before_the_year_3000(text: str, message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        read_due("--at", text, NOW)


def test_a_letter_named_by_its_id_is_selected_in_any_status() -> None:
    named = Selection(id=["00000005"])
    narrowed = Selection(id=["00000005"], status=["parked"])

    assert (named.statuses, narrowed.statuses) == (EVERY, ("parked",))
    assert named.or_status("scheduled").statuses == EVERY
    assert Selection().statuses == OPEN
    assert Selection().or_status("scheduled").statuses == ("scheduled",)


def test_a_selection_is_written_as_the_options_that_make_it() -> None:
    selection = Selection(status=["parked"], class_=["poison", "defect"], app_version=["2.0"], since="3d")

    assert (
        selection.as_options() == "--status parked --class poison --class defect --since 3d --app-version 2.0"
    )
    assert (selection.is_everything, Selection(status=["all"]).is_everything) == (False, True)


def test_a_generation_is_a_number_or_a_range() -> None:
    assert (read_generations("2"), read_generations("1-3")) == ((2, 2), (1, 3))
    with pytest.raises(SelectionError, match="--generation 'x'"):
        read_generations("x")
