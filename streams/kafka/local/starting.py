"""Bring a broker up for a user who holds the users' lock: join a running one, or start one."""

import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from streams.kafka.local.control import START_LOCK_SECONDS, end_broker, live_state
from streams.kafka.local.errors import DataFolderBusyError, StartFailedError
from streams.kafka.local.folder import (
    Folder,
    Launch,
    choose_port,
    java_arguments,
    new_cluster_id,
    write_settings,
)
from streams.kafka.local.jars import get_jars
from streams.kafka.local.java import find_java
from streams.kafka.local.locks import POLL_SECONDS
from streams.kafka.local.progress import StartProgress
from streams.kafka.local.state import State

START_SECONDS = 60.0
TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Wish:
    """The wanted broker: its folder, its port (None: any), its log level; see LocalKafka for `ends_with_supervisor`."""

    folder: Folder
    port: int | None
    log_level: str
    ends_with_supervisor: bool

    def bring_up(self, progress: StartProgress) -> State:
        """Return a broker that accepts clients; raise a LocalKafkaError."""
        return self._join() or self._start(progress)

    def _join(self) -> State | None:
        state = live_state(self.folder)
        if state is None or not state.is_ready or not state.is_supervised:
            return None
        if self.port not in (None, state.port):
            message = (
                f"the broker of {self.folder.path} runs on port {state.port}, not {self.port}; "
                "stop it first (`leads kafka stop`) or name no port"
            )
            raise DataFolderBusyError(message)
        return state

    def _start(self, progress: StartProgress) -> State:
        java = find_java()
        jars = get_jars(progress)
        with self.folder.start_lock().exclusively(START_LOCK_SECONDS):
            state = self._wait_for_the_one_before()
            if state is not None:
                return state
            progress("Starting Kafka", 0, 0)
            self.folder.keep.unlink(missing_ok=True)
            port = choose_port(self.folder, self.port)
            write_settings(self.folder, port)
            common = java_arguments(java.program, java.flags(), jars, self.log_level)
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
            ).write(self.folder)
            return self._launch()

    def _wait_for_the_one_before(self) -> State | None:
        """Wait until a broker of another starter is ready or ends; end one that has no supervisor."""
        deadline = time.monotonic() + START_SECONDS
        while not self.folder.broker_lock().is_free():
            state = self._join()
            if state is not None:
                return state
            seen = State.read(self.folder)
            if seen is not None and seen.supervisor.process() is None:
                end_broker(self.folder)
                return None
            if time.monotonic() > deadline:
                message = f"another process holds {self.folder.path} and does not become ready; see {self.folder.log}"
                raise DataFolderBusyError(message)
            time.sleep(POLL_SECONDS)
        return None

    def _launch(self) -> State:
        log = self.folder.log
        start_of_log = log.stat().st_size if log.exists() else 0
        report, report_fd = os.pipe()
        try:
            try:
                _run_supervisor(self.folder, report_fd)
            finally:
                os.close(report_fd)
            readable, _, _ = select.select([report], [], [], START_SECONDS)
            is_ready = bool(readable and os.read(report, 16))
        finally:
            os.close(report)
        state = live_state(self.folder)
        if is_ready and state is not None:
            return state
        if not readable:
            end_broker(self.folder)
        reason = "ended before it was ready" if readable else f"was not ready within {START_SECONDS:.0f} s"
        message = f"Kafka {reason}. The end of {log}:\n{_tail(log, start_of_log)}"
        raise StartFailedError(message)


def _run_supervisor(folder: Folder, report_fd: int) -> None:
    """Start the supervisor; return when it has detached itself. ``report_fd`` reports whether it becomes ready."""
    package_root = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    with folder.log.open("ab") as log:  # crash messages of Python and Java go there too
        subprocess.run(
            [sys.executable, "-m", "streams.kafka.local.supervisor", str(folder.path), str(report_fd)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(report_fd,),
            env={**os.environ, "PYTHONPATH": search},
            cwd=folder.path,
            start_new_session=True,  # Ctrl-C in the owner's terminal must not reach it
            check=False,
        )


def _tail(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start if start <= log.stat().st_size else 0)  # 0 when it was rolled over meanwhile
        lines = file.read().decode("utf-8", "replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-TAIL_LINES:]) or "  (empty)"
