"""Inspect, keep, end and remove the broker of a data folder, whoever started it."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from streams.kafka.local.errors import DataFolderBusyError
from streams.kafka.local.folder import Folder
from streams.kafka.local.locks import POLL_SECONDS
from streams.kafka.local.state import ProcessId, State

STOP_SECONDS = 20.0  # more than the supervisor gives Java
START_LOCK_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class KafkaStatus:
    """The broker of a data folder; when none runs, only the paths are set.

    ``is_kept``: it runs until it is stopped, not only while it is used. ``is_used``: a process holds it now.
    """

    is_running: bool
    data: Path
    log: Path
    bootstrap: str | None = None
    pid: int | None = None
    uptime_seconds: float | None = None
    is_kept: bool = False
    is_used: bool = False


def live_state(folder: Folder) -> State | None:
    """Return the state of the live broker, ready or not; None when there is none, or while one starts or ends."""
    state = State.read(folder)
    if state is None or state.java.process() is None or folder.broker_lock().is_free():
        return None
    return state


def status(data: Path) -> KafkaStatus:
    """Return what runs in this data folder now."""
    folder = Folder.of(data)
    state = live_state(folder)
    if state is None or not state.is_ready:
        return KafkaStatus(is_running=False, data=folder.path.parent, log=folder.log)
    return KafkaStatus(
        is_running=True,
        data=folder.path.parent,
        log=folder.log,
        bootstrap=state.bootstrap,
        pid=state.java.pid,
        uptime_seconds=round(max(0.0, time.time() - state.java.created), 1),
        is_kept=folder.keep.exists(),
        is_used=not folder.users_lock().is_free(),
    )


def keep(data: Path) -> None:
    """Keep the broker running without users until ``stop``; call it while holding the broker."""
    Folder.of(data).keep.touch()


def stop(data: Path) -> bool:
    """End the broker of this data folder, used or not; return False when none ran.

    Raise DataFolderBusyError when it does not end in time.
    """
    folder = Folder.of(data)
    if not folder.path.exists():
        return False
    with folder.start_lock().exclusively(START_LOCK_SECONDS):
        folder.keep.unlink(missing_ok=True)
        ran = not folder.broker_lock().is_free()
        if ran:
            end_broker(folder)
        return ran


def end_broker(folder: Folder) -> None:
    """Terminate the broker's process and wait for its end; the caller holds the start lock or the users' lock."""
    terminated: set[ProcessId] = set()
    deadline = time.monotonic() + STOP_SECONDS
    while not folder.broker_lock().is_free():
        state = State.read(folder)  # read it each time: a supervisor writes it only after it took the lock
        if state is not None:
            process = state.supervisor.process()
            target = state.supervisor if process is not None else state.java
            process = process or state.java.process()
            if process is not None and target not in terminated:
                terminated.add(target)
                with suppress(psutil.NoSuchProcess):
                    process.terminate()
        if time.monotonic() > deadline:
            who = f"process {state.java.pid}" if state is not None else "an unknown process"
            message = (
                f"the broker of {folder.path} ({who}) did not end within {STOP_SECONDS:.0f} s; end it by hand"
            )
            raise DataFolderBusyError(message)
        time.sleep(POLL_SECONDS)
