"""Test that an item refused by the database is isolated and fails none of its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from streams.store.engine import StoreRefusedError, StoreUnavailableError, isolate_refused


class Table:
    """A table that applies a transaction whole or not at all, and always refuses some numbers."""

    def __init__(self, *refuses: int, goes_away_at: int | None = None) -> None:
        self.rows: list[int] = []
        self._refuses = set(refuses)
        self._goes_away_at = goes_away_at

    async def insert(self, numbers: Sequence[int]) -> str:
        if self._refuses.intersection(numbers):
            raise StoreRefusedError("CheckViolation")
        if self._goes_away_at in numbers:
            raise StoreUnavailableError("OperationalError")
        self.rows += numbers
        return f"took {len(numbers)}"


def refused(number: int, error: StoreRefusedError) -> str:
    return f"{number}: {error}"


@pytest.mark.parametrize(
    ("refuses", "answers", "rows"),
    [
        ([], ["took 5"], [1, 2, 3, 4, 5]),
        ([4], ["took 2", "took 1", "4: CheckViolation", "took 1"], [1, 2, 3, 5]),
        ([1, 5], ["1: CheckViolation", "took 1", "took 1", "took 1", "5: CheckViolation"], [2, 3, 4]),
    ],
)
async def test_each_item_that_is_refused_stands_alone_and_all_others_are_taken(
    refuses: list[int], answers: list[str], rows: list[int]
) -> None:
    table = Table(*refuses)

    results = await isolate_refused([1, 2, 3, 4, 5], table.insert, refused)

    assert (results, table.rows) == (answers, rows)


async def test_what_else_goes_wrong_is_raised_and_the_parts_before_it_are_kept() -> None:
    table = Table(1, goes_away_at=4)

    with pytest.raises(StoreUnavailableError):
        await isolate_refused([1, 2, 3, 4], table.insert, refused)

    assert table.rows == [2]
