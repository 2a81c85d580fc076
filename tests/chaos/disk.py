"""Disks that can be filled and freed: a tmpfs, or a file size limit where mounting is not permitted."""

from __future__ import annotations

import errno
import resource
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

BLOCK = b"\0" * 64 * 1024
LIMIT = 64 * 1024


class SmallDisk:
    """A file system of its own at `path`, with room for `mib` MiB."""

    what = "tmpfs"

    def __init__(self, path: Path, *, mib: int) -> None:
        """Raises PermissionError where mounting is not permitted."""
        path.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0777", "leads-chaos", str(path)]
        try:
            mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise PermissionError("there is no mount command") from error
        if mounted.returncode != 0:
            raise PermissionError(mounted.stderr.strip())
        self.path = path
        self._filler = path / "filler"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filler.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(BLOCK)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """Free the space."""
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it, even if a file is still open."""
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)


class LimitedFiles:
    """The same for those who may not mount: processes that may write to no file beyond its first 64 KiB."""

    what = "file size limit"

    def __init__(self, path: Path, pids: Callable[[], Iterable[int]]) -> None:
        """`pids` gives the processes that the limit is for."""
        path.mkdir(parents=True)
        self.path = path
        self._pids = pids

    def fill(self) -> None:
        self._limit(LIMIT)

    def free(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def close(self) -> None:
        """Leave the folder to pytest."""

    def _limit(self, size: int) -> None:
        for pid in self._pids():
            _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size if size >= 0 else most, most))
