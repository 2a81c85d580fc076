"""The HTTP application over an installation in memory, without a socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.dead_letters.patching import RecipeTable
from streams.interfaces.http.app import create_app
from streams.interfaces.http.app_state import AppState
from streams.interfaces.http.keys import Keys
from streams.onboarding import ONBOARDING
from streams.store.migrate import open_database
from streams.testing import Cluster, World
from streams.testing.world import adapters_of
from tests.support.requests import Requests, api_key

STRIP = RecipeTable(name="strip-country", version=1, patch=({"op": "remove", "path": "/country"},))


@pytest.fixture
def requests(sqlite_url: str) -> Iterator[Requests]:
    """An installation that knows an operator, `ann`, and a viewer, `watcher`."""
    store = open_database(sqlite_url)
    cluster = Cluster(ONBOARDING, adapters_of(World()), store)
    keys = Keys([api_key("ann", "operator"), api_key("watcher", "viewer")])
    yield Requests(cluster, create_app(AppState(cluster.installation, keys, [STRIP])))
    store.close()
