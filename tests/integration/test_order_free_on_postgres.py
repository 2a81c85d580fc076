"""This file shows on PostgreSQL that order, repetition, batches and workers do not change what is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.store.engine import Database
from streams.store.migrate import open_database
from tests.suites.order_free import *  # noqa: F403 - the suite's test and fixture
from tests.suites.order_free import CREW


@pytest.fixture
def ways(postgres_url: str) -> Iterator[list[Database]]:
    """Give each worker its own way to the one store, so that their transactions meet."""
    found = [open_database(postgres_url) for _ in range(CREW)]
    yield found
    for each in found:
        each.close()
