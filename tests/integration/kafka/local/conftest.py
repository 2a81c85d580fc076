"""A data folder for each test of the local broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.kafka.local import stop
from tests.support.local_kafka import javas


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """Yield a data folder whose name is hard on settings files and class paths; no process may be left in it."""
    folder = tmp_path / "dätä, of = ours"
    yield folder
    stop(folder)
    assert javas(folder) == []
