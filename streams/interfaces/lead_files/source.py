"""Opens files and pipes, and keeps what comes from a pipe until all of it is there."""

from __future__ import annotations

import os
import select
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from threading import Event

_CHUNK = 1 << 16
HEAD = 1 << 20
"""Bytes from which format, separator and columns are found."""
_PATIENCE_S = 1.0


class StoppedError(Exception):
    """Reading was stopped; what was read last may be half a row."""


class InputError(OSError):
    """The file cannot be opened or kept; the message names it and says why."""


class LeadFileError(ValueError):
    """The file as a whole cannot be read as leads; the message says why and what to do."""


def open_input(path: str) -> int:
    """Open a file, or `-` for stdin; close it with `os.close`. Raise `InputError`."""
    try:
        if path == "-":
            return os.dup(0)
        descriptor = os.open(path, os.O_RDONLY)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise InputError(f"{path} is a folder; name a file, or - for stdin")
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    return descriptor


class Source:
    """Bytes of a file that can be read more than once.

    It ends where the file ended when it was opened: what another program appends meanwhile is not read half.
    """

    def __init__(self, descriptor: int) -> None:
        """Take a descriptor of a regular file, which the caller closes; reading begins at its position."""
        self._descriptor = descriptor
        self._start = os.lseek(descriptor, 0, os.SEEK_CUR)
        self._end = max(os.fstat(descriptor).st_size, self._start)
        self._stopped = Event()
        self.bytes_read = 0
        """Number of bytes that `chunks` of the last pass has read."""

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self._end - self._start

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    @property
    def is_idle(self) -> bool:
        """Whether reading would wait: a file never does."""
        return False

    def stop(self) -> None:
        """End every pass as if the file ended here."""
        self._stopped.set()

    def head(self) -> bytes:
        """Return the first `HEAD` bytes, or all when there are fewer."""
        return self._read(self._start, HEAD)

    def chunks(self, skip: int = 0) -> Iterator[bytes]:
        """Yield all bytes after the first `skip`; each call is a pass of its own."""
        at = self._start + skip
        self.bytes_read = skip
        while not self._stopped.is_set() and (chunk := self._read(at, _CHUNK)):
            at += len(chunk)
            self.bytes_read += len(chunk)
            yield chunk

    def _read(self, at: int, size: int) -> bytes:
        return os.pread(self._descriptor, min(size, self._end - at), at)


def source_of(descriptor: int, waiting: Callable[[], None]) -> tuple[Source, int]:
    """Return a source over a regular file, or over a copy of what a pipe holds, and its descriptor.

    The caller closes the descriptor. The copy is a temporary file that only this user may read and that has no name.
    `waiting` is called once when the end of the pipe is not there after a second. Raise `InputError`.
    """
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return Source(descriptor), descriptor
    try:
        # TemporaryFile makes its file with mode 0600, without a name where the system can do that.
        with tempfile.TemporaryFile(buffering=0) as file:
            _copy(descriptor, file.fileno(), waiting)
            kept = os.dup(file.fileno())
    except OSError as error:
        raise InputError(f"standard input cannot be kept in a temporary file: {error.strerror}") from None
    os.lseek(kept, 0, os.SEEK_SET)
    return Source(kept), kept


def _copy(descriptor: int, into: int, waiting: Callable[[], None]) -> None:
    until: float | None = time.monotonic() + _PATIENCE_S
    while True:
        if until is not None:
            is_there = bool(select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0])
            if not is_there or time.monotonic() >= until:  # a slow pipe need not pause for long
                waiting()
                until = None
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            return
        while chunk:
            chunk = chunk[os.write(into, chunk) :]
