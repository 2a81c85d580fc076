"""Which events cause no call."""

from __future__ import annotations

import pytest

from actions.quiet_origins import quiet_reason


@pytest.mark.parametrize(
    ("origin", "reason"),
    [("live", None), ("replay", None), ("import", "origin-import"), ("backfill", "origin-backfill")],
)
def test_only_imports_and_backfills_are_quiet(origin: str, reason: str | None) -> None:
    assert quiet_reason(origin) == reason
