"""This file runs the suites of plans and replay jobs on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.store.engine import Database
from streams.store.migrate import open_database
from tests.suites.replay_jobs import ReplayJobsSuite
from tests.suites.replay_plain import ReplayPlainSuite
from tests.suites.replay_plans import ReplayPlansSuite
from tests.suites.replay_resuming import ReplayResumingSuite


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    found = open_database(postgres_url)
    yield found
    found.close()


class TestReplayJobsOnPostgres(ReplayJobsSuite):
    pass


class TestReplayPlainOnPostgres(ReplayPlainSuite):
    pass


class TestReplayPlansOnPostgres(ReplayPlansSuite):
    pass


class TestReplayResumingOnPostgres(ReplayResumingSuite):
    pass
