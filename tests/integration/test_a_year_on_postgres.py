"""This file runs the suite of a year's load on PostgreSQL."""

from __future__ import annotations

import pytest

from streams.store.engine import Database
from tests.suites.a_year import *  # noqa: F403 - the suite's tests and fixtures


@pytest.fixture
def database(postgres: Database) -> Database:
    return postgres
