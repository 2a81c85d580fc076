"""This file runs the suite of replay jobs on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.store.engine import Database
from streams.store.migrate import open_database
from tests.suites.replay_jobs import ReplayJobsSuite


class TestReplayJobsOnPostgres(ReplayJobsSuite):
    @pytest.fixture
    def database(self, postgres_url: str) -> Iterator[Database]:
        found = open_database(postgres_url)
        yield found
        found.close()
