"""The demo's bad records are bad in the way they name."""

from __future__ import annotations

from collections import Counter

import pytest

from actions.normalise.lead import read_lead
from streams.interfaces.demo.bad_records import UNREADABLE
from streams.interfaces.demo.samples import Sample, make_samples
from topics.decode import Position, decode
from topics.events import LeadReceived
from topics.failures import DecodeError


def fate(sample: Sample) -> str:
    """Return what becomes of the record alone: `good`, `rejected`, or the code of its letter."""
    try:
        event = decode(sample.value, sample.headers, LeadReceived, Position("received", 0, 0, 0)).event
        assert isinstance(event, LeadReceived)
        return "rejected" if read_lead(event, "DE").reasons else "good"
    except DecodeError as error:
        return error.code


@pytest.mark.parametrize("count", [60, 400])
def test_good_leads_are_good_bad_ones_rejected_and_unreadable_ones_each_in_its_own_way(
    count: int,
) -> None:
    records = make_samples(count)

    fates = Counter((sample.kind, fate(sample)) for sample in records)

    assert len(records) == count
    assert {code for kind, code in fates if kind not in ("rejected", "unreadable")} == {"good"}
    assert {code for kind, code in fates if kind == "rejected"} == {"rejected"}
    # An id that is used again is seen only by who remembers the first use.
    assert fates["unreadable", "good"] == fates["unreadable", "NOT_JSON"] == max(1, round(count / 200))
    assert len({code for kind, code in fates if kind == "unreadable"}) == len(UNREADABLE)
