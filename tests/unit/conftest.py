"""An installation in memory, on either database, for tests that look at more than one module."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.onboarding import ONBOARDING
from streams.store.engine import Database
from streams.testing import Cluster, World, adapters_of
from tests.support.letter_harness import LetterHarness
from tests.support.replay_harness import ReplayHarness


@pytest.fixture
def world() -> World:
    """The outside world of `cluster`."""
    return World()


@pytest.fixture
async def cluster(database: Database, world: World) -> Cluster:
    """Workers, store and log of the onboarding workflow."""
    return Cluster(ONBOARDING, adapters_of(world), database)


@pytest.fixture
def harness(database: Database) -> LetterHarness:
    """Letter commands over an empty store."""
    return LetterHarness(database)


@pytest.fixture
def replays(database: Database, tmp_path: Path) -> ReplayHarness:
    """Replay jobs beside a worker, over an empty store."""
    return ReplayHarness(database, tmp_path)
