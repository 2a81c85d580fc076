"""The list of sabotages is true, and so are the guarantees that the pages name from it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from tests.sabotage import table
from tests.sabotage.reach import DOES_NOT, REACHES, reason_rows
from tests.sabotage.running import SabotageError, spoil
from tests.sabotage.sabotage import PROMISES, Sabotage
from tests.sabotage.sabotages import SABOTAGES
from tests.sabotage.scenarios import SCENARIOS
from tests.sabotage.table import row_of, with_table
from tests.support.commands import REPOSITORY


def that_hold(promise: str) -> set[str]:
    return {
        table.test_name(test).partition("[")[0]
        for each in SABOTAGES
        if each.promise == promise
        for test in each.node_ids
    }


@pytest.mark.parametrize("sabotage", [pytest.param(each, id=each.name) for each in SABOTAGES])
def test_a_sabotage_still_fits_its_file_and_leaves_it_python(sabotage: Sabotage) -> None:
    ast.parse(spoil((REPOSITORY / sabotage.file).read_text(encoding="utf-8"), sabotage))

    assert sabotage.tests
    assert sabotage.promise in PROMISES


def test_pytest_finds_every_test_and_every_case_of_one_that_a_sabotage_names() -> None:
    named = sorted({test for each in SABOTAGES for test in each.node_ids})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *named]

    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60)

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_sabotage_whose_text_is_gone_is_reported() -> None:
    with pytest.raises(SabotageError, match=r"occurs 0 times in .* bring the list .* up to date"):
        spoil("nothing of it", SABOTAGES[0])


def test_names_are_unique_and_every_promise_has_a_sabotage() -> None:
    assert len({each.name for each in SABOTAGES}) == len(SABOTAGES)
    assert {each.promise for each in SABOTAGES} == set(PROMISES)


def test_the_readme_names_for_each_promise_a_test_that_falls_without_its_mechanism() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Guarantees")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| ")][1:]
    named = {row[0].strip(): set(re.findall(r"`(test_\w+)`", row[2])) for row in rows}

    assert list(named) == list(PROMISES)
    for promise, tests in named.items():
        assert tests
        assert tests <= that_hold(promise)


def test_the_page_has_a_row_for_every_sabotage() -> None:
    page = (REPOSITORY / "docs" / "guarantees.md").read_text(encoding="utf-8")

    assert [each.name for each in SABOTAGES if row_of(each, each.node_ids) not in page] == []


def test_a_test_that_stays_green_is_shown_as_green() -> None:
    one = next(each for each in SABOTAGES if [test[:11] for test in each.node_ids] == ["tests/unit/"] * 2)
    page = with_table(
        "<!-- sabotages: x -->\nold\n<!-- end of sabotages -->", [row_of(one, [one.node_ids[0] + "[1]"])]
    )

    assert "| red<br>**green** |" in page
    assert "old" not in page


def test_each_sabotage_is_known_to_reach_the_data_or_not() -> None:
    assert {*REACHES, *DOES_NOT} == {each.name for each in SABOTAGES}
    assert not REACHES.keys() & DOES_NOT.keys()
    assert set(REACHES.values()) == set(SCENARIOS)


def test_the_page_has_each_sabotage_with_what_verify_sees_of_it() -> None:
    page = (REPOSITORY / "docs" / "guarantees.md").read_text(encoding="utf-8")

    assert [name for name, scenario in REACHES.items() if f"| {name} | {scenario} |" not in page] == []
    assert [row for row in reason_rows() if row not in page] == []
