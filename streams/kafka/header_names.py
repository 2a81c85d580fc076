"""Read records whose header names are not UTF-8: Kafka accepts them, but aiokafka cannot read past one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint_py

NEWEST_FORMAT = 2
"""Records have headers from this format on."""


def read_any_header_name() -> None:
    r"""Let all consumers of this process read such records from now on.

    aiokafka raises each time it decodes such a name, so it never reads anything after the record. With this patch the
    bad bytes of a name are escaped, as in `x\xff`; all other records stay the same.
    """
    fetcher.MemoryRecords = _AnyRecords


class _AnyRecords(_MemoryRecordsPy):  # type: ignore[misc]  # marked final, but aiokafka has no hook for this
    """The batches that a fetch returned for a partition."""

    def next_batch(self, *args: Any) -> Any:  # noqa: ANN401 - as aiokafka has it
        raw = self._next_slice
        batch = super().next_batch(*args)
        is_old = raw is None or raw[self.MAGIC_OFFSET] < NEWEST_FORMAT
        return batch if is_old or batch is None else _AnyBatch(batch, raw)


class _AnyBatch:
    """A batch, read by aiokafka's C code up to the first bad name, and by its Python code from there on."""

    def __init__(self, batch: Any, raw: Any) -> None:  # noqa: ANN401 - as aiokafka has it
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of the batch
        return getattr(self._batch, name)

    def __next__(self) -> Any:  # noqa: ANN401 - a record
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._batch:
                yield record
                read += 1
        except UnicodeDecodeError:
            yield from islice(_read(self._raw), read, None)


def _read(raw: Any) -> Iterator[Any]:  # noqa: ANN401 - bytes, or a view of them
    batch = iter(_DefaultRecordBatchPy(raw))
    batch._buffer = _AnyText(batch._buffer)  # noqa: SLF001
    for _ in range(batch._num_records):  # noqa: SLF001
        yield batch._read_msg(decode_varint_py)  # noqa: SLF001


class _AnyText(bytearray):
    """Bytes that decode as text whatever they are, and so does every slice of them."""

    def __getitem__(self, at: Any) -> Any:  # noqa: ANN401 - as bytearray has it
        item = super().__getitem__(at)
        return _AnyText(item) if isinstance(at, slice) else item

    def decode(self, encoding: str = "utf-8", _errors: str = "") -> str:
        return super().decode(encoding, "backslashreplace")
