"""Start the local broker, or join a running one, and release it."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from streams.kafka.local.control import STOP_SECONDS, end_broker, keep, live_state, stop
from streams.kafka.local.errors import DataFolderBusyError, StartFailedError
from streams.kafka.local.folder import Folder
from streams.kafka.local.locks import POLL_SECONDS
from streams.kafka.local.progress import StartProgress, silent
from streams.kafka.local.starting import Wish
from streams.kafka.local.state import State

ENDING_SECONDS = 30.0


class LocalKafka:
    """The broker of one data folder, as one of its users sees it.

    ``start`` joins a broker that runs in ``data`` already, else starts one. ``stop`` lets go; the broker ends when
    its last user lets go or dies. Use one object in one thread. A fork of the process holds the broker too.

    ``port``: None for the port of last time, or a free one; the next higher one is used as well.
    ``log_level``: of Kafka's own log, one of Log4j's names.
    """

    ends_with_supervisor = True  # False only to see, on Linux, what a platform without the kernel's help does

    def __init__(self, data: Path, *, port: int | None = None, log_level: str = "WARN") -> None:
        self._folder = Folder.of(data)
        self._port = port
        self._log_level = log_level
        self._users = self._folder.users_lock()

    @property
    def data(self) -> Path:
        """The data folder, absolute."""
        return self._folder.path.parent

    @property
    def log(self) -> Path:
        """The log of Kafka and its supervisor."""
        return self._folder.log

    @property
    def bootstrap(self) -> str:
        """``127.0.0.1:PORT`` of the running broker; raises StartFailedError when none runs."""
        return self._state().bootstrap

    @property
    def pid(self) -> int:
        """Java's process id; raises StartFailedError when none runs."""
        return self._state().java.pid

    def start(self, progress: StartProgress | None = None) -> str:
        """Hold a running broker and return its bootstrap servers; may fetch jars first, and then takes minutes.

        Raises a LocalKafkaError. After ``kill``, or a crash of Java, it starts the broker again.
        """
        self._folder.make()
        if not self._users.acquire(shared=True, within_seconds=ENDING_SECONDS):
            message = f"the broker of {self._folder.path} is ending for {ENDING_SECONDS:.0f} s already; see {self.log}"
            raise DataFolderBusyError(message)
        try:
            state = self._wish().bring_up(progress or silent)
        except BaseException:
            self._users.release()
            raise
        return state.bootstrap

    def stop(self) -> None:
        """Let go of the broker; if nobody else holds it and it is not kept, it has ended when this returns."""
        if not self._users.is_held:
            return
        try:
            alone = self._users.acquire()
            if alone and not self._folder.keep.exists():
                end_broker(self._folder)
        finally:
            self._users.release()
        deadline = time.monotonic() + STOP_SECONDS
        while (
            not alone and time.monotonic() < deadline
        ):  # others hold it, or the supervisor was quicker and ends it
            if self._users.acquire(shared=True):
                self._users.release()
                return
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        """Kill Java with SIGKILL, for tests of what follows; ``start`` brings it back on the same data and port."""
        process = self._state().java.process()
        with suppress(psutil.NoSuchProcess):
            if process is not None:
                process.kill()
        deadline = time.monotonic() + STOP_SECONDS
        while not self._folder.broker_lock().is_free():
            if time.monotonic() > deadline:
                message = f"the supervisor of {self._folder.path} outlived its killed Java; see {self.log}"
                raise DataFolderBusyError(message)
            time.sleep(POLL_SECONDS)

    def restart(self, progress: StartProgress | None = None) -> str:
        """End the broker, whoever else uses it, and start it again on the same data and port; a kept one stays kept."""
        is_kept = self._folder.keep.exists()
        stop(self.data)
        bootstrap = self.start(progress)
        if is_kept:
            keep(self.data)
        return bootstrap

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wish(self) -> Wish:
        return Wish(self._folder, self._port, self._log_level, self.ends_with_supervisor)

    def _state(self) -> State:
        state = live_state(self._folder)
        if state is None:
            message = f"no broker runs in {self._folder.path}; call start()"
            raise StartFailedError(message)
        return state


@dataclass(frozen=True, slots=True)
class RunningKafka:
    """A held broker: where it is, and how to let go of it."""

    bootstrap: str
    pid: int
    data: Path
    log: Path
    _kafka: LocalKafka

    def close(self) -> None:
        """Let go; the broker ends with its last user."""
        self._kafka.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def ensure_kafka(data: Path, progress: StartProgress | None = None) -> RunningKafka:
    """The broker for "LEADS_KAFKA is not set": joined if one runs in this data folder, else started.

    Raises a LocalKafkaError. The caller need not be the last to leave: the broker runs until nobody holds it.
    """
    kafka = LocalKafka(data)
    bootstrap = kafka.start(progress)
    return RunningKafka(bootstrap, kafka.pid, kafka.data, kafka.log, kafka)
