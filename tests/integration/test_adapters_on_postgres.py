"""This file runs the suites of the ports on PostgreSQL."""

from __future__ import annotations

import pytest

from streams.store.engine import Database
from tests.suites.adapters import *  # noqa: F403 - the suite's tests and fixtures


@pytest.fixture
def database(postgres: Database) -> Database:
    return postgres
