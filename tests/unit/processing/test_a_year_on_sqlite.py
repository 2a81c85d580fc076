"""This file runs the suite of a year's load on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.store.engine import Database
from streams.store.migrate import open_database
from tests.suites.a_year import *  # noqa: F403 - the suite's tests and fixtures


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = open_database(f"sqlite:///{tmp_path / 'leads.db'}")
    yield found
    found.close()
