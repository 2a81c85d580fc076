"""How moments are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.normalise.moment import normalise_moment
from actions.normalise.refused import Refused, Remarks


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("2026-11-23T20:15:00Z", "2026-11-23T20:15:00.000000Z"),
        ("2026-11-23t20:15:00z", "2026-11-23T20:15:00.000000Z"),
        ("2026-11-23 20:15:00Z", "2026-11-23T20:15:00.000000Z"),
        ("2026-11-23T21:15:00+01:00", "2026-11-23T20:15:00.000000Z"),
        ("2026-11-23T20:15:00+0000", "2026-11-23T20:15:00.000000Z"),
        ("2026-11-23T20:15:00.5Z", "2026-11-23T20:15:00.500000Z"),
        ("2026-11-23T20:15:00.123456789-00:00", "2026-11-23T20:15:00.123456Z"),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00.000000Z"),
        (" ", None),
    ],
)
def test_a_moment_is_spelled_in_utc_with_microseconds(typed: str, kept: str | None) -> None:
    assert normalise_moment(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "yesterday",
        "2026-11-23T20:15Z",
        "20261123T201500Z",
        "2026-02-30T00:00:00Z",
        "2026-11-23T25:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "٢٠٢٦-11-23T20:15:00Z",
        "23.11.2026 20:15",
    ],
)
def test_what_is_not_rfc_3339_is_refused(typed: str) -> None:
    with pytest.raises(Refused, match="not RFC 3339 with a zone") as refused:
        normalise_moment(typed)

    assert refused.value.code == "TIME_INVALID"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("2026-11-23", "2026-11-23T00:00:00.000000Z"),
        ("2026-11-23 20:15:00", "2026-11-23T20:15:00.000000Z"),
        ("2026-11-23T20:15", "2026-11-23T20:15:00.000000Z"),
    ],
)
def test_a_moment_without_a_zone_is_read_in_utc_and_noted(typed: str, kept: str) -> None:
    remarks: Remarks = []

    assert normalise_moment(typed, remarks) == kept
    assert [remark.code for remark in remarks] == ["ZONE_ASSUMED"]


@given(st.datetimes(timezones=st.timezones()))
def test_every_moment_keeps_its_place_in_time(moment: object) -> None:
    try:
        once = normalise_moment(str(moment).replace(" ", "T"))
    except Refused:
        return  # zones of long ago have seconds, which RFC 3339 cannot say

    assert once is not None
    assert normalise_moment(once) == once
