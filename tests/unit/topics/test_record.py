"""The place of a record."""

from __future__ import annotations

from streams.testing import LogRecord
from topics.record import Position


def test_a_position_is_where_the_record_stands_and_prints_as_ce_position() -> None:
    record = LogRecord("crm.leads.received.v1", 3, 17, 1_700_000_000_000, b"k", b"{}", [])

    position = Position.of(record)

    assert position == Position("crm.leads.received.v1", 3, 17, 1_700_000_000_000)
    assert str(position) == "crm.leads.received.v1/3/17"
