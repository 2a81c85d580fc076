"""An installation in memory, on either database, for tests that look at more than one module."""

from __future__ import annotations

import pytest

from streams.onboarding import ONBOARDING
from streams.store.engine import Database
from streams.testing import Cluster, World, adapters_of


@pytest.fixture
def world() -> World:
    """The outside world of `cluster`."""
    return World()


@pytest.fixture
async def cluster(database: Database, world: World) -> Cluster:
    """Workers, store and log of the onboarding workflow."""
    return Cluster(ONBOARDING, adapters_of(world), database)
