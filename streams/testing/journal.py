"""A journal of what arrived: JSON Lines that are on disk before the sender gets its answer."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import orjson


class Journal:
    """Append records to a file; records that wait together share one fsync. Use it from one event loop."""

    def __init__(self, path: Path | None, *, is_durable: bool = True) -> None:
        """Without a `path` records are dropped; `is_durable=False` skips fsync, for benchmarks."""
        self._is_durable = is_durable
        self._file = None if path is None else os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._flush: asyncio.Task[None] | None = None

    async def write(self, record: dict[str, Any]) -> None:
        """Return when the record is in the file, and on disk if durable. Raise `OSError` when it cannot be written."""
        if self._file is None:
            return
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        if not self._is_durable:
            os.write(self._file, line)
            return
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((line, written))
        if self._flush is None:
            self._flush = asyncio.create_task(self._flush_all())
        await written

    async def _flush_all(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                try:
                    await asyncio.to_thread(self._append, b"".join(line for line, _ in group))
                except OSError as error:
                    for _, written in group:
                        if not written.done():
                            written.set_exception(error)
                else:
                    for _, written in group:
                        if not written.done():
                            written.set_result(None)
        finally:
            self._flush = None

    def _append(self, lines: bytes) -> None:
        assert self._file is not None  # noqa: S101 - write() returned before
        os.write(self._file, lines)
        os.fsync(self._file)

    async def aclose(self) -> None:
        """Write waiting records and close the file."""
        if self._flush is not None:
            await self._flush
        if self._file is not None:
            os.close(self._file)
            self._file = None
