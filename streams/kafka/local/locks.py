"""Lock files for a broker's processes and its users; the kernel releases a lock when its process dies."""

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.kafka.local.errors import OTHER_BROKER, DataFolderBusyError, LocalKafkaError

POLL_SECONDS = 0.05


def _flock(fd: int, *, shared: bool) -> bool:
    try:
        import fcntl  # noqa: PLC0415  # absent on Windows, where LEADS_KAFKA must still work
    except ImportError as error:
        message = f"the local Kafka needs Linux or macOS (file locks); {OTHER_BROKER}"
        raise LocalKafkaError(message) from error
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class FileLock:
    """One advisory lock on one file, shared or exclusive.

    The lock belongs to the open file, so a child that inherits ``fd`` keeps it after its parent's death. A lock file is
    never deleted, because two processes could then hold "the" lock on two files.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    @property
    def fd(self) -> int:
        """Return the descriptor for a child that is to hold the lock too; raise ValueError unless the lock is held."""
        if self._fd is None:
            message = f"{self.path} is not locked; acquire it first"
            raise ValueError(message)
        return self._fd

    @property
    def is_held(self) -> bool:
        """Whether this object itself holds the lock."""
        return self._fd is not None

    def acquire(self, *, shared: bool = False, within_seconds: float = 0.0) -> bool:
        """Take the lock, or change its kind; return False when others hold it for all of ``within_seconds``.

        A failed change of kind loses the lock, because flock converts by releasing first.
        """
        if self._fd is None:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + within_seconds
        try:
            while not _flock(self._fd, shared=shared):
                if time.monotonic() >= deadline:
                    self.release()
                    return False
                time.sleep(POLL_SECONDS)
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        """Release the lock; do nothing when it is not held."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def is_free(self) -> bool:
        """Whether nobody holds the lock now."""
        probe = FileLock(self.path)
        free = probe.acquire()
        probe.release()
        return free

    def exclusively(self, within_seconds: float) -> "_Exclusive":
        """Hold the lock in a ``with`` block; raise DataFolderBusyError when others hold it for too long."""
        return _Exclusive(self, within_seconds)


class _Exclusive:
    def __init__(self, lock: FileLock, within_seconds: float) -> None:
        self._lock = lock
        self._within_seconds = within_seconds

    def __enter__(self) -> Self:
        if not self._lock.acquire(within_seconds=self._within_seconds):
            message = (
                f"another process holds {self._lock.path} for more than {self._within_seconds:.0f} s; "
                "wait for it or end it, then try again"
            )
            raise DataFolderBusyError(message)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
