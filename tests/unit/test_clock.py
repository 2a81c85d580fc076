"""Conversion of times to the store's microseconds and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from streams.clock import from_us, now, to_us


def test_moments_survive_the_store_to_the_microsecond() -> None:
    moment = datetime(2026, 11, 23, 21, 15, 0, 123456, tzinfo=timezone(timedelta(hours=1)))

    assert to_us(moment) == 1_795_464_900_123_456
    assert from_us(to_us(moment)) == moment
    assert from_us(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert now().tzinfo is UTC
