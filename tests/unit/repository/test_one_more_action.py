"""docs/actions.md is enough: what it says is put into a copy of the repository, and the copy stays green."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streams.onboarding import ONBOARDING

OURS = 7
"""Actions of the workflow as it comes; the page adds one more."""
ROOT = Path(__file__).parents[3]
COPIED = (
    "topics",
    "actions",
    "streams",
    "tests",
    "docs",
    "README.md",
    "pyproject.toml",
    "Makefile",
    "leads.sample.toml",
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/actions.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^## [^\n`]*`([\w/]+\.py)`\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
BLOCKS = [
    (place, kind, text)
    for place, section in SECTIONS
    for kind, text in re.findall(r"^```(python|diff)\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
]
DERIVED_TESTS = (
    "tests/unit/actions/test_action.py",
    "tests/unit/actions/test_request_call.py",
    "tests/unit/engine/test_announcing.py",
    "tests/unit/operations/recovery/test_catch_up.py",
    "tests/unit/operations/recovery/test_contacts.py",
    "tests/unit/operations/recovery/test_outdated_store.py",
    "tests/unit/operations/recovery/test_results.py",
    "tests/unit/operations/recovery/test_uncommitted.py",
    "tests/unit/repository/test_single_actions.py",
    "tests/unit/test_wiring.py",
    "tests/unit/testing/test_atomic.py",
    "tests/unit/topics/test_registry.py",
    "tests/unit/operations/verify/test_contract.py",
)
"""Of the tests that depend on the workflow, a choice that takes seconds; all of tests/unit is green in such a copy."""


def with_change(text: str, change: str) -> str:
    """Return the file with a block of the page in it: `-` lines go, `+` lines come, all others show the place."""
    lines = change.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if not line.startswith("+"))
    new = "".join(line[1:] for line in lines if not line.startswith("-"))
    assert text.count(old) == 1, f"the page's place occurs {text.count(old)} times:\n{old}"
    return text.replace(old, new)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with the page's action in it."""
    folder = tmp_path_factory.mktemp("one_more")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder)
    if all((ROOT / place).exists() for place, kind, _ in BLOCKS if kind == "python"):
        return folder  # whoever followed the page in this very tree has all of it
    if len(ONBOARDING.steps) > OURS:
        pytest.skip("this tree has an action of its own; adapt the page's blocks, or take this file out")
    for place, kind, text in BLOCKS:
        path = folder / place
        path.write_text(text if kind == "python" else with_change(path.read_text(), text), encoding="utf-8")
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a module of this environment in the copy."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={"PATH": "", "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_the_page_names_every_place_once_and_brings_a_fact_a_port_an_action_an_adapter_and_a_test() -> None:
    places = [place for place, _ in SECTIONS]

    assert len(set(places)) == len(places)
    assert {place.split("/")[0] for place in places} == {"topics", "actions", "streams", "tests"}
    assert [place for place, kind, _ in BLOCKS if kind == "python"] == [
        "actions/request_call.py",
        "streams/adapters/call_list.py",
        "tests/unit/actions/test_request_call.py",
    ]


def test_with_the_action_of_the_page_the_tests_that_derive_from_the_workflow_stay_green(
    copy: Path,
) -> None:
    done = run(copy, "pytest", "-q", "-p", "no:cacheprovider", *DERIVED_TESTS)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]


def test_the_blocks_of_the_page_are_formatted_and_linted_as_our_own_code(copy: Path) -> None:
    places = list(dict.fromkeys(place for place, _, _ in BLOCKS))

    done = [
        run(copy, "ruff", *command, *places) for command in (["format", "--check"], ["check", "--no-cache"])
    ]

    assert [each.returncode for each in done] == [0, 0], "".join(each.stdout for each in done)


def test_the_short_example_of_the_readme_runs_and_is_drawn() -> None:
    (example,) = re.findall(r"^```python\n(from typing import .*?)^```", README, re.DOTALL | re.MULTILINE)

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "schedule_call --> CallScheduled" in done.stdout


def test_a_function_that_moved_is_noticed() -> None:
    with pytest.raises(AssertionError, match="occurs 0 times"):
        with_change("nothing of it\n", " a line that was there\n+another\n")
