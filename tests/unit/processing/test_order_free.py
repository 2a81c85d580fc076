"""This file shows on SQLite that order, repetition, batches and workers do not change what is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streams.store.engine import Database
from streams.testing.store import MemoryStore
from tests.suites.order_free import *  # noqa: F403 - the suite's test and fixture
from tests.suites.order_free import CREW


@pytest.fixture
def ways() -> Iterator[list[Database]]:
    """Give each worker its way to the one store."""
    store = MemoryStore()
    yield [store] * CREW
    store.close()
