"""The import rules hold, and the guard sees every way to break them."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("topics", "actions", "streams")
CHECK = "from importlinter.cli import lint_imports_command as run; run()"


def contract(name: str) -> dict[str, list[str]]:
    """One contract of pyproject.toml, by its id."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return next(found for found in contracts if found["id"] == name)


def check(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run the import rules over a tree in a process of its own: ours has the packages imported already."""
    command = [sys.executable, "-c", CHECK, "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The three packages and the rules, free to be broken."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_tree_keeps_the_import_rules() -> None:
    done = check(ROOT)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("topics/planted.py", "import actions"),
        ("topics/planted.py", "from streams import __doc__"),
        ("actions/planted.py", "import streams"),
        ("streams/kafka/planted.py", "import streams.settings"),
        ("streams/engine/planted.py", "import streams.operations.pruning"),
        ("streams/dead_letters/planted.py", "import streams.wiring"),
        ("streams/operations/health/planted.py", "import streams.operations.recovery.backup"),
        ("streams/operations/verify/planted.py", "import streams.engine.reading"),
        ("streams/interfaces/common/planted.py", "import streams.interfaces.lead_files.lines"),
        ("streams/engine/planted.py", "import faust"),
    ],
)
def test_an_import_against_the_layers_is_found(copy: Path, place: str, line: str) -> None:
    (copy / place).write_text(f"{line}\n")

    done = check(copy)

    module = place.removesuffix(".py").replace("/", ".")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(rf"{re.escape(module)} -> (actions|streams|faust)", done.stdout), done.stdout


@pytest.mark.parametrize("package", ["topics", "actions"])
def test_every_forbidden_library_is_found_where_it_is_imported(copy: Path, package: str) -> None:
    forbidden = contract("pure")["forbidden_modules"]
    (copy / package / "planted.py").write_text("".join(f"import {name}\n" for name in forbidden))

    done = check(copy)

    found = set(re.findall(rf"{package}\.planted -> (\w+)", done.stdout))
    assert done.returncode == 1, done.stdout + done.stderr
    assert found == set(forbidden)


def test_every_forbidden_name_is_a_library_that_could_be_imported() -> None:
    missing = [
        name
        for name in contract("pure")["forbidden_modules"]
        # Faust takes its own place in sys.modules with a module that has no spec, which find_spec would not forgive.
        if name not in sys.modules and importlib.util.find_spec(name) is None
    ]

    assert missing == [], "a misspelt name would forbid nothing"
