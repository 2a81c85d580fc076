"""Read and write which process runs the broker of a folder; a reused process id is recognised."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Self

import psutil

from streams.kafka.local.folder import Folder

SAME_START_SECONDS = (
    0.5  # psutil derives it from clock ticks and the boot time, which a clock correction moves a little
)


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that stays the same one: its id and when it was created (Unix time, seconds)."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """The process that has this id now; raises psutil.NoSuchProcess."""
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The live process; None when it has ended, also when its id belongs to another one now."""
        with suppress(psutil.Error):  # gone, or not ours to look at
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
        """What a client is given as bootstrap servers."""
        return f"127.0.0.1:{self.port}"

    @property
    def is_supervised(self) -> bool:
        """Whether both processes live: only then the broker ends when it should."""
        return self.supervisor.process() is not None and self.java.process() is not None

    def write(self, folder: Folder) -> None:
        """Replace the folder's state, whole or not at all."""
        draft = folder.state.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(asdict(self), indent=1), "utf-8")
        draft.replace(folder.state)

    @classmethod
    def read(cls, folder: Folder) -> Self | None:
        """The last run that did not end in order; None when there is none. Not yet a proof that it lives."""
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
