"""This file gives the acceptance tests a whole installation, taken down again whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.acceptance.stage import Stage


@pytest.fixture
def stage(kafka: str, tmp_path: Path) -> Iterator[Stage]:
    """An installation on SQLite, not yet opened."""
    made = Stage(kafka, f"sqlite:///{tmp_path / 'leads.db'}", tmp_path)
    yield made
    made.close()


@pytest.fixture
def any_stage(kafka: str, database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """Two installations, one after the other: on SQLite and on PostgreSQL."""
    made = Stage(kafka, database_url, tmp_path)
    yield made
    made.close()
