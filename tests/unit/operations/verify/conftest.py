"""A healthy history for each test of verify."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.operations.verify.history import (
    History,
    healthy,
)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return healthy(tmp_path)
