"""Supervise a broker's Java in a small separate process, which ends Java when the last user has gone.

Run as ``python -m streams.kafka.local.supervisor FOLDER REPORT_FD``. It detaches itself from its starter, takes the
folder's broker lock, starts Java and watches the users' lock, which the kernel releases however a user dies. When the
supervisor itself dies, the kernel ends Java on Linux; elsewhere the next start does.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from streams.kafka.local.folder import Folder, Launch
from streams.kafka.local.state import ProcessId, State

POLL_SECONDS = 0.1
STOP_SECONDS = 15.0
LOCK_SECONDS = 2.0  # others hold the lock only for an instant, to probe it
READY = b"ready\n"
PR_SET_PDEATHSIG = 1


class Supervisor:
    """One run of one broker."""

    def __init__(self, folder: Folder, report_fd: int) -> None:
        self._folder = folder
        self._report_fd = report_fd
        self._lock = folder.broker_lock()
        self._users = folder.users_lock()
        self._signal: str | None = None

    def run(self) -> int:
        """Start, watch and stop Java; return exit code 0 after an orderly stop."""
        if not self._lock.acquire(within_seconds=LOCK_SECONDS):
            self._say("ERROR", f"not started: another broker holds {self._lock.path}")
            return 1
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            return self._run_locked()
        finally:
            self._folder.state.unlink(missing_ok=True)

    def _run_locked(self) -> int:
        launch = Launch.read(self._folder)
        began = time.monotonic()
        if not self._folder.is_formatted:
            self._say("INFO", "preparing the data folder")
            tool = self._start(launch.format, launch, stdout=subprocess.PIPE)
            chatter, _ = tool.communicate()
            if tool.returncode != 0:
                why = f"{describe(tool.returncode)}: {chatter.decode('utf-8', 'replace').strip()}"
                self._say("ERROR", f"the data folder could not be prepared, {why}")
                return 1
        java = self._start(launch.run, launch)
        try:
            return self._watch(java, launch.port, began)
        except BaseException:  # somebody has deleted the folder, for example
            java.kill()
            java.wait()
            raise

    def _watch(self, java: subprocess.Popen[bytes], port: int, began: float) -> int:
        state = State(port, ProcessId.of(os.getpid()), ProcessId.of(java.pid), is_ready=False)
        state.write(self._folder)
        self._say("INFO", f"started on {state.bootstrap}, Java is process {java.pid}")
        while (reason := self._reason_to_stop()) is None:
            code = java.poll()
            if code is not None:
                self._say("ERROR", f"Java ended by itself: {describe(code)}")
                return 1
            if not state.is_ready and listens(java.pid, port):
                state = replace(state, is_ready=True)
                state.write(self._folder)
                self._say("INFO", f"ready after {time.monotonic() - began:.1f} s")
                with suppress(BrokenPipeError):  # the starter may have died
                    os.write(self._report_fd, READY)
                os.close(self._report_fd)
            time.sleep(POLL_SECONDS if state.is_ready else POLL_SECONDS / 4)
        self._say("INFO", f"stopping: {reason}")
        self._end(java)
        return 0

    def _reason_to_stop(self) -> str | None:
        if self._signal is not None:
            return f"received {self._signal}"
        if self._folder.keep.exists() or not self._users.acquire():
            return None
        if self._folder.keep.exists():  # its last user wrote it just before leaving
            self._users.release()
            return None
        return "nobody uses it any more"  # and nobody can start to: the lock is held until the end

    def _start(
        self, command: list[str], launch: Launch, stdout: int | None = None
    ) -> subprocess.Popen[bytes]:
        kernel_helps = launch.ends_with_supervisor and sys.platform == "linux"
        return subprocess.Popen(
            command,
            stdout=stdout,
            cwd=self._folder.path,
            stdin=subprocess.DEVNULL,
            pass_fds=(self._lock.fd,),
            preexec_fn=_die_with(os.getpid()) if kernel_helps else None,  # noqa: PLW1509 - one thread only
        )

    def _end(self, java: subprocess.Popen[bytes]) -> None:
        began = time.monotonic()
        java.terminate()
        try:
            java.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._say("WARN", f"Java did not stop within {STOP_SECONDS:.0f} s and was killed")
            java.kill()
            java.wait()
        self._say("INFO", f"stopped after {time.monotonic() - began:.1f} s")

    def _on_signal(self, number: int, _frame: object) -> None:
        self._signal = signal.Signals(number).name

    def _say(self, level: str, text: str) -> None:
        stamp = (
            datetime.now(UTC).astimezone().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        )  # as Log4j
        with self._folder.log.open("a", encoding="utf-8") as log:
            log.write(f"{stamp} {level:5} supervisor: {text}\n")


def _die_with(parent: int) -> Callable[[], None]:
    """Return a function for a child to run before its program, so that Linux kills it when ``parent`` dies.

    Linux watches the parent's main thread.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the line above
            os.kill(os.getpid(), signal.SIGKILL)

    return ask_the_kernel


def listens(pid: int, port: int) -> bool:
    """Whether this process itself accepts connections on the port; a mere connect could reach another program."""
    with suppress(psutil.NoSuchProcess):
        connections = psutil.Process(pid).net_connections("tcp")
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in connections)
    return False


def describe(code: int) -> str:
    """Return an exit code in words: ``exit code 1``, ``killed by SIGKILL``."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"


def main(arguments: list[str]) -> int:
    """Detach from the starter at once (it must neither wait for us nor be our parent), then supervise."""
    if os.fork():
        os._exit(0)
    folder, report_fd = arguments
    return Supervisor(Folder(Path(folder)), int(report_fd)).run()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
