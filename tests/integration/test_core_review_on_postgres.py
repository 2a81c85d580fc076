"""This file runs the findings of the core review on PostgreSQL."""

from __future__ import annotations

import pytest

from streams.store.engine import Database
from tests.suites.core_review import *  # noqa: F403 - the suite's tests and fixtures


@pytest.fixture
def database(postgres: Database) -> Database:
    return postgres
