"""This file runs the suites of plans and replay jobs on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.store.engine import Database
from streams.store.migrate import open_database
from tests.suites.replay_jobs import ReplayJobsSuite
from tests.suites.replay_plain import ReplayPlainSuite
from tests.suites.replay_plans import ReplayPlansSuite
from tests.suites.replay_resuming import ReplayResumingSuite


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'leads.db'}")
    yield opened
    opened.close()


class TestReplayJobsOnSqlite(ReplayJobsSuite):
    pass


class TestReplayPlainOnSqlite(ReplayPlainSuite):
    pass


class TestReplayPlansOnSqlite(ReplayPlansSuite):
    pass


class TestReplayResumingOnSqlite(ReplayResumingSuite):
    pass
