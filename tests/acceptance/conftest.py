"""A whole installation for each acceptance test, always removed afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.stage import Stage


@pytest.fixture
def stage(kafka: str, tmp_path: Path) -> Iterator[Stage]:
    """Return an installation on SQLite, not yet opened."""
    made = Stage(kafka, f"sqlite:///{tmp_path / 'leads.db'}", tmp_path)
    yield made
    made.close()


@pytest.fixture
def any_stage(kafka: str, database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """Run the test on both databases: an installation on SQLite, then one on PostgreSQL."""
    made = Stage(kafka, database_url, tmp_path)
    yield made
    made.close()


@pytest.fixture(params=("sqlite", "postgresql") if os.environ.get("LEADS_CHAOS") else ("sqlite",))
def chosen_stage(request: pytest.FixtureRequest, kafka: str, tmp_path: Path) -> Iterator[Stage]:
    """Return an installation on SQLite; with LEADS_CHAOS also one on PostgreSQL."""
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'leads.db'}" if is_sqlite else request.getfixturevalue("postgres_url")
    made = Stage(kafka, url, tmp_path)
    yield made
    made.close()
