"""The records of a batch that did not start."""

from __future__ import annotations

from streams.engine.handover import SETTLED, Unfinished
from tests.support.batches import record
from topics.record import Position


def test_a_settled_batch_is_false_and_names_no_record() -> None:
    assert not SETTLED
    assert SETTLED.of([record(0)]) == []


def test_records_are_known_by_partition_and_offset() -> None:
    records = [record(0), record(1), record(2)]
    unfinished = Unfinished("send_welcome_email", [Position.of(records[1]), Position("topic", 7, 2, 0)])

    assert unfinished
    assert unfinished.of(records) == [records[1]]
