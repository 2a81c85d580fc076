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

    ``start`` joins a broker that already runs in ``data``, else starts one. ``stop`` releases it; the broker ends when
    its last user releases it or dies. Use one object in one thread. A fork of the process holds the broker too.

    ``port``: None takes the previous port, or else a free one. The next higher port is used as well.
    ``log_level``: the level of Kafka's own log, one of Log4j's names.
    """

    ends_with_supervisor = (
        True  # False only for tests on Linux of platforms where the kernel does not end Java
    )

    def __init__(self, data: Path, *, port: int | None = None, log_level: str = "WARN") -> None:
        self._folder = Folder.of(data)
        self._port = port
        self._log_level = log_level
        self._users = self._folder.users_lock()

    @property
    def data(self) -> Path:
        """Return the data folder, absolute."""
        return self._folder.path.parent

    @property
    def log(self) -> Path:
        """Return the path of the log of Kafka and its supervisor."""
        return self._folder.log

    @property
    def bootstrap(self) -> str:
        """Return ``127.0.0.1:PORT`` of the running broker; raise StartFailedError when none runs."""
        return self._state().bootstrap

    @property
    def pid(self) -> int:
        """Return Java's process id; raise StartFailedError when no broker runs."""
        return self._state().java.pid

    def start(self, progress: StartProgress | None = None) -> str:
        """Hold a running broker and return its bootstrap servers; this takes minutes when it must fetch jars first.

        Raise a LocalKafkaError. After ``kill``, or a crash of Java, start the broker again.
        """
        self._folder.make()
        if not self._users.acquire(shared=True, within_seconds=ENDING_SECONDS):
            message = f"the broker of {self._folder.path} has not ended within {ENDING_SECONDS:.0f} s; see {self.log}"
            raise DataFolderBusyError(message)
        try:
            state = self._wish().bring_up(progress or silent)
        except BaseException:
            self._users.release()
            raise
        return state.bootstrap

    def stop(self) -> None:
        """Release the broker; if nobody else holds it and it is not kept, it has ended when this returns."""
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
        ):  # others hold it, or the supervisor was quicker and is ending it
            if self._users.acquire(shared=True):
                self._users.release()
                return
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        """Kill Java with SIGKILL, for tests of a crash; ``start`` brings it back on the same data and port."""
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
        """End the broker, even if others use it, and start it again on the same data and port; keep a kept one."""
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
    """A held broker: its address, and a method to release it."""

    bootstrap: str
    pid: int
    data: Path
    log: Path
    _kafka: LocalKafka

    def close(self) -> None:
        """Release the broker; it ends with its last user."""
        self._kafka.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def ensure_kafka(data: Path, progress: StartProgress | None = None) -> RunningKafka:
    """Return the broker used when LEADS_KAFKA is not set: join the one of this data folder, else start it.

    Raise a LocalKafkaError. The caller need not be the last user: the broker runs until nobody holds it.
    """
    kafka = LocalKafka(data)
    bootstrap = kafka.start(progress)
    return RunningKafka(bootstrap, kafka.pid, kafka.data, kafka.log, kafka)
