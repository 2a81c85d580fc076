"""Durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from streams.durations import Duration

READ = TypeAdapter(Duration)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30s", timedelta(seconds=30)),
        ("10m", timedelta(minutes=10)),
        ("6h", timedelta(hours=6)),
        ("35d", timedelta(days=35)),
        ("0s", timedelta()),
        ("1.5h", timedelta(minutes=90)),
        ("10", timedelta(seconds=10)),
        (90, timedelta(seconds=90)),
    ],
)
def test_a_number_with_its_unit_is_a_duration(text: object, duration: timedelta) -> None:
    assert READ.validate_python(text) == duration


@pytest.mark.parametrize("text", ["", "1w", "1h30m", "-3s", "9" * 40 + "d", True])
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        READ.validate_python(text)
