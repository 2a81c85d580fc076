"""Reads lines from a pipe as they come (`--follow`); waiting for a line can be interrupted."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Iterator
from threading import Event

from streams.interfaces.lead_files.splitting import LONGEST_LINE

_CHUNK = 1 << 20
_WAIT_S = 0.2


class Lines:
    """The lines of a file or a pipe, as bytes with their line ends; knows its position and whether a line is ready.

    Reading waits in short steps, so that another thread can `stop` it.
    """

    def __init__(self, descriptor: int) -> None:
        """Take an open file descriptor, which the caller closes."""
        self._descriptor = descriptor
        self._is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._buffer = bytearray()
        self._at = 0
        self._is_ended = False
        self._stopped = Event()
        self._shift = 0
        self.number = 0
        """Number of the last line that was yielded."""
        self.bytes_read = 0

    @property
    def size(self) -> int | None:
        """Size in bytes; None for a pipe."""
        return os.fstat(self._descriptor).st_size if self._is_regular else None

    @property
    def is_idle(self) -> bool:
        """Whether reading the next line would wait, perhaps for ever."""
        if self._is_regular or self._is_ended or self._buffer.find(b"\n", self._at) >= 0:
            return False
        return not select.select([self._descriptor], [], [], 0)[0]

    def stop(self) -> None:
        """End the iteration as if the input ended here."""
        self._stopped.set()

    def __iter__(self) -> Iterator[bytes]:
        """Yield line after line; one longer than `LONGEST_LINE` is cut there, so that no reader takes it for a lead."""
        while line := self._next():
            self.number += 1
            yield line

    def _next(self) -> bytes:
        searched = self._at
        while not self._stopped.is_set():
            end = self._buffer.find(b"\n", searched)
            if end >= 0:
                return self._take(end + 1)
            searched = len(self._buffer)
            if searched - self._at > LONGEST_LINE:
                return self._take_too_long()
            if not self._fill():
                return b"" if self._stopped.is_set() else self._take(len(self._buffer))
            searched -= self._shift
        return b""

    def _take(self, end: int) -> bytes:
        line = bytes(self._buffer[self._at : end])
        self._at = end
        return line

    def _take_too_long(self) -> bytes:
        head = bytes(self._buffer[self._at : self._at + LONGEST_LINE + 1])
        self._at = len(self._buffer)
        while not self._stopped.is_set() and self._fill():
            end = self._buffer.find(b"\n")
            if end >= 0:
                self._at = end + 1
                break
            self._at = len(self._buffer)
        return head

    def _fill(self) -> bool:
        self._shift = self._at
        del self._buffer[: self._at]
        self._at = 0
        if not self._is_regular:
            while not select.select([self._descriptor], [], [], _WAIT_S)[0]:
                if self._stopped.is_set():
                    return False
        chunk = os.read(self._descriptor, _CHUNK)
        self._is_ended = not chunk
        self._buffer += chunk
        self.bytes_read += len(chunk)
        return bool(chunk)
