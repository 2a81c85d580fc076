"""This file starts the local broker, or joins the one that runs already, and lets go of it."""

import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from streams.local_kafka.control import START_LOCK_SECONDS, STOP_SECONDS, end_broker, keep, live_state, stop
from streams.local_kafka.errors import DataFolderBusyError, StartFailedError
from streams.local_kafka.folder import (
    Folder,
    Launch,
    choose_port,
    java_arguments,
    new_cluster_id,
    write_settings,
)
from streams.local_kafka.jars import get_jars
from streams.local_kafka.java import find_java
from streams.local_kafka.locks import POLL_SECONDS
from streams.local_kafka.progress import Progress, silent
from streams.local_kafka.state import State

START_SECONDS = 60.0
ENDING_SECONDS = 30.0
TAIL_LINES = 15


class LocalKafka:
    """The broker of one data folder, as one of its users sees it.

    ``start`` joins a broker that runs in ``data`` already, else starts one. ``stop`` lets go; when the last user lets go
    or dies, it ends. Use one object in one thread. A fork of the process holds the broker too.

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

    def start(self, progress: Progress | None = None) -> str:
        """Hold a running broker and return its bootstrap servers; may fetch jars first, and then takes minutes.

        Raises a LocalKafkaError. After ``kill``, or a crash of Java, it starts the broker again.
        """
        if not self._users.acquire(shared=True, within_seconds=ENDING_SECONDS):
            message = f"the broker of {self._folder.path} is ending for {ENDING_SECONDS:.0f} s already; see {self.log}"
            raise DataFolderBusyError(message)
        try:
            state = self._join() or self._start(progress or silent)
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

    def restart(self, progress: Progress | None = None) -> str:
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

    def _state(self) -> State:
        state = live_state(self._folder)
        if state is None:
            message = f"no broker runs in {self._folder.path}; call start()"
            raise StartFailedError(message)
        return state

    def _join(self) -> State | None:
        state = live_state(self._folder)
        if state is None or not state.is_ready or not state.is_supervised:
            return None
        if self._port not in (None, state.port):
            message = (
                f"the broker of {self._folder.path} runs on port {state.port}, not {self._port}; "
                "stop it first (`leads kafka stop`) or ask for no port"
            )
            raise DataFolderBusyError(message)
        return state

    def _start(self, progress: Progress) -> State:
        java = find_java()
        jars = get_jars(progress)
        with self._folder.start_lock().exclusively(START_LOCK_SECONDS):
            state = self._wait_for_the_one_before()
            if state is not None:
                return state
            progress("Starting Kafka", 0, 0)
            self._folder.keep.unlink(missing_ok=True)
            port = choose_port(self._folder, self._port)
            write_settings(self._folder, port)
            common = java_arguments(java.program, java.flags(), jars, self._log_level)
            format_arguments = [
                "format",
                "--ignore-formatted",
                "-t",
                new_cluster_id(),
                "-c",
                "server.properties",
            ]
            Launch(
                port=port,
                format=[*common, "kafka.tools.StorageTool", *format_arguments],
                run=[*common, "kafka.Kafka", "server.properties"],
                ends_with_supervisor=self.ends_with_supervisor,
            ).write(self._folder)
            return self._launch()

    def _wait_for_the_one_before(self) -> State | None:
        """A broker that another starter left half-way becomes ready or ends; one without a supervisor is ended here."""
        deadline = time.monotonic() + START_SECONDS
        while not self._folder.broker_lock().is_free():
            state = self._join()
            if state is not None:
                return state
            seen = State.read(self._folder)
            if seen is not None and seen.supervisor.process() is None:
                end_broker(self._folder)
                return None
            if time.monotonic() > deadline:
                message = (
                    f"another process holds {self._folder.path} and does not become ready; see {self.log}"
                )
                raise DataFolderBusyError(message)
            time.sleep(POLL_SECONDS)
        return None

    def _launch(self) -> State:
        start_of_log = self.log.stat().st_size if self.log.exists() else 0
        report, report_fd = os.pipe()
        try:
            self._run_supervisor(report_fd)
            os.close(report_fd)
            readable, _, _ = select.select([report], [], [], START_SECONDS)
            is_ready = bool(readable and os.read(report, 16))
        finally:
            os.close(report)
        state = live_state(self._folder)
        if is_ready and state is not None:
            return state
        if not readable:
            end_broker(self._folder)
        reason = "ended before it was ready" if readable else f"was not ready within {START_SECONDS:.0f} s"
        message = f"Kafka {reason}. The end of {self.log}:\n{_tail(self.log, start_of_log)}"
        raise StartFailedError(message)

    def _run_supervisor(self, report_fd: int) -> None:
        package_root = str(Path(__file__).resolve().parents[2])
        search = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
        with self.log.open("ab") as log:  # Java's own last words go there too
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "streams.local_kafka.supervisor",
                    str(self._folder.path),
                    str(report_fd),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(report_fd,),
                env={**os.environ, "PYTHONPATH": search},
                cwd=self._folder.path,
                start_new_session=True,  # Ctrl-C in the owner's terminal is for the owner
                check=True,
            )


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


def ensure_kafka(data: Path, progress: Progress | None = None) -> RunningKafka:
    """The broker for "LEADS_KAFKA is not set": joined if one runs in this data folder, else started.

    Raises a LocalKafkaError. The caller need not be the last to leave: the broker runs until nobody holds it.
    """
    kafka = LocalKafka(data)
    bootstrap = kafka.start(progress)
    return RunningKafka(bootstrap, kafka.pid, kafka.data, kafka.log, kafka)


def _tail(log: Path, start: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(start if start <= log.stat().st_size else 0)  # else it was rolled over meanwhile
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        lines = []
    return "\n".join(f"  {line}" for line in lines[-TAIL_LINES:]) or "  (empty)"
