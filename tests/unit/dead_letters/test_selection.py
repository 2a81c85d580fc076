"""The suite of the index holds, and selections refuse what can only be a slip."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from streams.dead_letters.selection import (
    Selection,
    SelectionError,
    read_due,
    read_generations,
    read_moment,
)
from streams.store.letters import EVERY, OPEN
from tests.suites.letter_index import LetterIndexSuite

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class TestLetterIndex(LetterIndexSuite):
    pass


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"group": ["c21f"]}, r"--group 'c21f' is no group.*`leads dead-letters groups`"),
        ({"class_": ["posion"]}, r"--class 'posion' .* did you mean poison\?"),
        ({"class_": ["xyz"]}, r"--class 'xyz' .* one of poison, "),
        ({"id": ["12%"]}, "--id '12%' is no id"),
        ({"since": "0s", "until": "1d"}, "--since .* is not before --until"),
        ({"generation": "3-1"}, "--generation 3-1 runs backwards"),
        ({"status": ["opne"]}, "--status 'opne' is none; one of open, scheduled, "),
        ({"where": "clas = poison"}, r"--where: .*did you mean class\?"),
    ],
)
def test_what_can_only_be_a_slip_is_refused_with_the_next_step(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SelectionError, match=sentence):
        Selection(**given).condition(NOW)


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
def test_a_moment_that_cannot_be_counted_to_is_refused(text: str) -> None:
    with pytest.raises(SelectionError, match=r"--since .* is no moment"):
        read_moment("--since", text, NOW)
    with pytest.raises(SelectionError, match="--at "):
        read_due("--at", text, NOW)


@pytest.mark.parametrize(
    ("text", "message"),
    [("9999-12-31T23:59:59.999999Z", "too far"), ("2026-11-23", "is over"), ("0s", "is over")],
)
def test_a_due_time_is_to_come_and_not_beyond_reason(text: str, message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        read_due("--at", text, NOW)


def test_who_names_a_letter_means_it_whatever_has_become_of_it() -> None:
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
