"""Installations for tests of dead letters, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.store.engine import Database
from tests.support.letter_harness import LetterHarness
from tests.support.replay_harness import ReplayHarness


@pytest.fixture
def harness(database: Database) -> LetterHarness:
    """Letter commands over an empty store."""
    return LetterHarness(database)


@pytest.fixture
def replays(database: Database, tmp_path: Path) -> ReplayHarness:
    """Replay jobs beside a worker, over an empty store."""
    return ReplayHarness(database, tmp_path)
