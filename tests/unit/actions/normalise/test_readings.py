"""Values from published sets are read as their sources say, or not at all."""

from __future__ import annotations

import pytest

from tests.support.readings import SETS, cases, judge


@pytest.mark.parametrize("name", SETS)
def test_no_value_of_a_published_set_is_read_wrongly_or_not_at_all(name: str) -> None:
    found = judge(name)

    assert (found.wrong, found.absent) == ([], [])


def test_the_countries_are_all_of_iso_3166_and_the_largest_in_twenty_languages() -> None:
    every = cases("countries")

    assert len([case for case in every if case.source.startswith("ISO")]) == 250
    assert len({case.source for case in every if case.source.startswith("CLDR")}) == 21
    assert len(every) == 250 + 250 + 20 * 72
