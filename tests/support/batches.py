"""Records and batches as agents get them, without a broker."""

from __future__ import annotations

from aiokafka.structs import ConsumerRecord
from faust.types import TP

from streams.engine.faust.batch import Batch

AGENT, PLACE = "agent", TP("topic", 0)


def record(offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(PLACE.topic, PLACE.partition, offset, 0, 0, None, b"{}", 0, 0, 2, ())


def batch_of(*offsets: int) -> Batch:
    return Batch({PLACE: [record(offset) for offset in offsets]}, [AGENT], lambda: None)
