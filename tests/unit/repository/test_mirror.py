"""Tests mirror the rooms: the tests of a module are found by its name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.support.commands import REPOSITORY

EXCEPTIONS = {
    "actions/ports.py": "Protocols; store/test_ports.py holds the fakes and the SQL adapters to them",
    "actions/normalise/refused.py": "one error class; each normaliser's test raises it",
    "streams/engine/assembly.py": "puts parts together; every test with a cluster runs it",
    "streams/engine/faust/consumer_thread.py": "a thread beside a real broker: faust_facts/test_transport.py",
    "streams/engine/faust/snapshot.py": "one value; test_progress.py and test_checks.py compare it",
    "streams/engine/installation.py": "one value; every test with a cluster makes it",
    "streams/errors.py": "one error class, the root of its package",
    "streams/interfaces/cli/demo.py": "wires the demo together: acceptance/test_demo.py",
    "streams/interfaces/demo/scenes.py": "the course of a real demo: acceptance/test_demo.py",
    "streams/kafka/lag.py": "asks a real group: acceptance/test_replay_jobs.py and test_verify.py",
    "streams/kafka/local/errors.py": "error classes",
    "streams/kafka/local/progress.py": "one Protocol",
    "streams/operations/verify/evidence.py": "values; every test of verify makes them",
    "streams/operations/verify/logs.py": "reads a real broker: acceptance/test_verify.py",
    "streams/operations/verify/snapshot.py": "reads a real broker and database: acceptance/test_verify.py",
    "streams/operations/verify/tables.py": "reads real databases: acceptance/test_verify.py",
    "streams/store/migrations/env.py": "Alembic's entry point; test_migrate.py and test_schema.py run it",
}
"""Modules without a test file of their name, and why."""


def modules() -> list[str]:
    """Return the modules of the three packages; packages' `__init__` and steps of the schema are none."""
    paths = [
        path for package in ("topics", "actions", "streams") for path in (REPOSITORY / package).rglob("*.py")
    ]
    names = [path.relative_to(REPOSITORY).as_posix() for path in paths if path.name != "__init__.py"]
    return sorted(name for name in names if "/versions/" not in name)


def without_test(names: Iterable[str]) -> list[str]:
    """Return those modules that no file `tests/{unit,integration}/ROOM/test_MODULE.py` tests."""

    def is_tested(name: str) -> bool:
        path = Path(name.removeprefix("streams/"))
        return any(
            (REPOSITORY / "tests" / kind / path.parent / f"test_{path.name}").exists()
            for kind in ("unit", "integration")
        )

    return [name for name in names if not is_tested(name)]


def test_the_tests_of_a_module_are_found_by_its_name() -> None:
    assert without_test(modules()) == sorted(EXCEPTIONS)


def test_nine_of_ten_modules_have_a_test_of_their_name() -> None:
    assert len(EXCEPTIONS) <= len(modules()) // 10
    assert all(EXCEPTIONS.values())


def test_a_module_without_a_test_is_seen() -> None:
    assert without_test(["streams/engine/processor.py", "streams/engine/planted.py"]) == [
        "streams/engine/planted.py"
    ]
