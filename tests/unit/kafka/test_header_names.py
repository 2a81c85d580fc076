"""Test reading batches with header names that are not UTF-8."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from streams.kafka.header_names import read_any_header_name

NONE, GZIP = 0, 1


class Name(str):
    """A name encoded as Latin-1, as a client in another language may do."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return super().encode("latin-1")


def batch(names: Iterable[str], compression: int) -> bytes:
    """Return a batch with a record per name, encoded by aiokafka."""
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 1 << 20)
    for number, name in enumerate(names):
        builder.append(
            number, 1_700_000_000_000 + number, b"key", b"value", [(Name(name), b"x"), ("n", None)]
        )
    return bytes(builder.build())


@pytest.fixture(autouse=True)
def patched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)
    read_any_header_name()


@pytest.mark.parametrize("compression", [NONE, GZIP])
def test_every_record_is_read_in_its_order_and_the_name_is_written_out(compression: int) -> None:
    raw = batch(["good", "b\xe4d", "good"], compression) + batch(["\xff"], compression)

    batches = fetcher.MemoryRecords(raw)
    records = []
    while batches.has_next():
        each = batches.next_batch()
        assert each.validate_crc()
        records += [(one.offset, one.timestamp, one.key, one.value, one.headers) for one in each]

    assert records == [
        (at, 1_700_000_000_000 + at, b"key", b"value", [(name, b"x"), ("n", None)])
        for at, name in ((0, "good"), (1, r"b\xe4d"), (2, "good"), (0, r"\xff"))
    ]
