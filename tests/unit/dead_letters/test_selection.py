"""This file runs the suite of the index on SQLite, and holds selectors to refusing what can only be a slip."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from streams.dead_letters.selection import (
    Selector,
    SelectorError,
    read_due,
    read_generations,
    read_moment,
    read_selector,
)
from streams.store.engine import Database
from streams.store.letters import EVERY, OPEN
from streams.testing import MemoryStore
from tests.suites.letter_index import LetterIndexSuite

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class TestLetterIndexOnSqlite(LetterIndexSuite):
    @pytest.fixture
    def database(self) -> Iterator[Database]:
        store = MemoryStore()
        yield store
        store.close()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"groups": ["c21f"]}, r"--group 'c21f' is no group.*`leads dead-letters groups`"),
        ({"classes": ["posion"]}, r"--class 'posion' .* did you mean poison\?"),
        ({"classes": ["xyz"]}, r"--class 'xyz' .* one of poison, "),
        ({"ids": ["12%"]}, "--id '12%' is no id"),
        ({"since": NOW, "until": NOW - timedelta(days=1)}, "--since .* is not before --until"),
        ({"generations": (3, 1)}, "--generation 3-1 runs backwards"),
    ],
)
def test_what_can_only_be_a_slip_is_refused_with_the_next_step(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SelectorError, match=sentence):
        Selector(**given)


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
    with pytest.raises(SelectorError, match=r"--since .* is no moment"):
        read_moment("--since", text, NOW)
    with pytest.raises(SelectorError, match="--at "):
        read_due("--at", text, NOW)


@pytest.mark.parametrize(
    ("text", "said"),
    [("9999-12-31T23:59:59.999999Z", "too far"), ("2026-11-23", "is over"), ("0s", "is over")],
)
def test_a_due_time_is_to_come_and_not_beyond_reason(text: str, said: str) -> None:
    with pytest.raises(SelectorError, match=said):
        read_due("--at", text, NOW)


def test_who_names_a_letter_means_it_whatever_has_become_of_it() -> None:
    named = read_selector(NOW, id=["00000005"])
    narrowed = read_selector(NOW, id=["00000005"], status=["parked"])

    assert (named.statuses, narrowed.statuses) == (EVERY, ("parked",))
    assert read_selector(NOW).statuses == OPEN


def test_a_generation_is_a_number_or_a_range() -> None:
    assert (read_generations("2"), read_generations("1-3")) == ((2, 2), (1, 3))
    with pytest.raises(SelectorError, match="--generation 'x'"):
        read_generations("x")
