"""Values from published sets are read as their sources say, or not at all."""

from __future__ import annotations

import pytest

from tests.support.readings import SETS, cases, judge


@pytest.mark.parametrize("name", SETS)
def test_no_value_of_a_published_set_is_read_wrongly(name: str) -> None:
    found = judge(name)

    assert found.wrong == []
    assert found.cases >= 300
    assert found.right >= found.cases * 0.8


def test_every_country_of_the_set_is_read() -> None:
    assert judge("countries").absent == []


def test_a_value_that_is_read_wrongly_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETS, "emails", lambda case: f"x{case.text}")

    assert len(judge("emails").wrong) == judge("emails").cases


def test_the_countries_are_all_of_iso_3166_and_the_largest_in_twenty_languages() -> None:
    every = cases("countries")

    assert len([case for case in every if case.source.startswith("ISO")]) == 250
    assert len({case.source for case in every if case.source.startswith("CLDR")}) == 21
    assert len(every) == 250 + 250 + 20 * 72
