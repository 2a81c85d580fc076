"""Read and write which processes run the broker of a folder, and recognise a reused process id."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Self

import psutil

from streams.kafka.local.folder import Folder

SAME_START_SECONDS = 0.5
"""psutil derives a start time from clock ticks and the boot time, which a clock correction shifts slightly."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """The identity of a process: its id and its creation time (Unix time, seconds)."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return the identity of the process that has this id now; raise psutil.NoSuchProcess."""
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """Return the live process; None when it has ended, even if another process has its id now."""
        with suppress(psutil.Error):  # it is gone, or belongs to another user
            process = psutil.Process(self.pid)
            if (
                abs(process.create_time() - self.created) < SAME_START_SECONDS
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                return process
        return None


@dataclass(frozen=True, slots=True)
class State:
    """One run of the broker: its port, its two processes, and whether clients can connect yet."""

    port: int
    supervisor: ProcessId
    java: ProcessId
    is_ready: bool

    @property
    def bootstrap(self) -> str:
        """Return the bootstrap servers for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def is_supervised(self) -> bool:
        """Whether both processes live; only then does the broker end with its last user."""
        return self.supervisor.process() is not None and self.java.process() is not None

    def write(self, folder: Folder) -> None:
        """Replace the folder's state atomically."""
        draft = folder.state.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(asdict(self), indent=1), "utf-8")
        draft.replace(folder.state)

    @classmethod
    def read(cls, folder: Folder) -> Self | None:
        """Return the last run that did not end in order, or None. It need not be alive."""
        try:
            fields = json.loads(folder.state.read_text("utf-8"))
            return cls(
                port=int(fields["port"]),
                supervisor=ProcessId(**fields["supervisor"]),
                java=ProcessId(**fields["java"]),
                is_ready=bool(fields["is_ready"]),
            )
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return None
