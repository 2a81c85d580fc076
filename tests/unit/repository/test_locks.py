"""The locks agree with pyproject.toml, with hashes and without any address."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-audit.lock")


def pins(lines: list[str]) -> dict[str, str]:
    """Version by normalised name, of lines such as `psycopg[binary]==3.3.9 ; marker`."""
    found = [re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", line) for line in lines]
    return {re.sub(r"[-_.]+", "-", pin[1]).lower(): pin[2] for pin in found if pin}


def locked(lock: str) -> dict[str, str]:
    """What a lock pins."""
    return pins((ROOT / lock).read_text().splitlines())


def wanted(*, dev: bool) -> dict[str, str]:
    """What pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = project["project"]["dependencies"] + project["dependency-groups"]["build"]
    if dev:
        lines += project["project"]["optional-dependencies"]["dev"]
    assert len(pins(lines)) == len(lines), "every dependency is pinned to one version"
    return pins(lines)


@pytest.mark.parametrize(("lock", "dev"), [("requirements.lock", False), ("requirements-dev.lock", True)])
def test_a_lock_holds_every_pin_of_pyproject(lock: str, dev: bool) -> None:  # noqa: FBT001 - a column of the table
    outdated = wanted(dev=dev).items() - locked(lock).items()

    assert outdated == set(), "run `make lock`"


def test_development_tools_do_not_change_what_the_worker_runs_on() -> None:
    different = locked("requirements.lock").items() - locked("requirements-dev.lock").items()

    assert different == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_for_all_and_addresses_for_none(lock: str) -> None:
    text = (ROOT / lock).read_text()
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]

    assert [block for block in blocks if "--hash=sha256:" not in block] == []
    assert re.findall(r"\S*(?:://|--index|--find-links)\S*", text) == []
