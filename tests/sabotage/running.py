"""Apply one sabotage to a fresh copy of the repository and report which tests fail there."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.sabotage.sabotage import Sabotage

ROOT = Path(__file__).parents[2]
SECONDS_PER_TEST = 60
SECONDS_PER_RUN = 300
_RESULT = re.compile(r"^(PASSED|FAILED|ERROR) (\S+?::\S.*?)(?: - (.*))?$", re.MULTILINE)
_NOT_A_TESTS_WORD = re.compile(r"(SyntaxError|IndentationError|NameError|ImportError|ModuleNotFoundError)\b")


class SabotageError(Exception):
    """A sabotage cannot be applied, or breaks the program instead of a promise."""


@dataclass(frozen=True, slots=True)
class Run:
    """What pytest said."""

    passed: tuple[str, ...]
    failed: tuple[str, ...]
    broken: tuple[str, ...]
    """Errors that are no test's verdict: collection, fixtures, names that are not there."""
    output: str


def spoil(text: str, sabotage: Sabotage) -> str:
    """Return the file's text with the sabotage in it. Raises `SabotageError` when it no longer fits."""
    times = text.count(sabotage.old)
    if times != 1:
        raise SabotageError(
            f"{sabotage.name!r}: the text {sabotage.old!r} occurs {times} times in {sabotage.file} and must occur"
            " once; bring the list in tests/sabotage up to date"
        )
    return text.replace(sabotage.old, sabotage.new)


def copy_to(folder: Path) -> None:
    """Copy what is committed."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        opened.extractall(folder, filter="data")


def sabotage_in(folder: Path, sabotage: Sabotage) -> None:
    """Change the line in the copy. Raises `SabotageError`."""
    path = folder / sabotage.file
    path.write_text(spoil(path.read_text(encoding="utf-8"), sabotage), encoding="utf-8")


def run_tests(folder: Path, tests: Iterable[str], kafka: str | None) -> Run:
    """Run these tests in the copy; without `kafka` only those that need no server."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADS_")}
    environment |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "400"}
    if kafka is not None:
        environment["LEADS_TEST_KAFKA"] = kafka
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-rA", "-p", "no:cacheprovider"]
    if kafka is None:
        command += ["-m", "not servers"]
    ended = subprocess.run(
        [*command, "--show-capture=no", f"--timeout={SECONDS_PER_TEST}", *tests],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_PER_RUN,
    )
    output = ended.stdout + ended.stderr
    found = _RESULT.findall(output)
    broken = [f"{test}: {why}" for kind, test, why in found if _is_broken(kind, why)]
    if not found:
        broken.append(output.strip()[-400:] or f"pytest ended with {ended.returncode}")
    return Run(
        tuple(test for kind, test, _ in found if kind == "PASSED"),
        tuple(test for kind, test, why in found if kind == "FAILED" and not _is_broken(kind, why)),
        tuple(broken),
        output,
    )


def _is_broken(kind: str, why: str) -> bool:
    return kind == "ERROR" or (kind == "FAILED" and _NOT_A_TESTS_WORD.match(why) is not None)


def missing_from(tests: Sequence[str], results: Sequence[str]) -> list[str]:
    """Return the tests that are not among the results; one case of a parametrized test is enough."""
    return [
        test for test in tests if not any(found == test or found.startswith(test + "[") for found in results)
    ]
