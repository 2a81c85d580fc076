"""Test that the supervisor and its Java end together."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from streams.kafka.local import (
    LocalKafka,
    stop,
)
from streams.kafka.local.folder import Folder
from streams.kafka.local.state import State


def eventually(
    condition: Callable[[], bool], within_seconds: float, last_state: Callable[[], object]
) -> None:
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_seconds} s; last state: {last_state()}"
        time.sleep(0.05)


def javas(data: Path) -> list[int]:
    """Return the process ids of every Java of the data folder, by the process table instead of our own files."""
    pids = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == "java" and Path(process.cwd()) == data / "kafka":
                pids.append(process.pid)
        except psutil.Error:  # the process has ended meanwhile
            continue
    return pids


def state_of(data: Path) -> State:
    state = State.read(Folder.of(data))
    assert state is not None
    return state


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """Yield a data folder whose name is hard on settings files and class paths; no process may be left in it."""
    folder = tmp_path / "dätä, of = ours"
    yield folder
    stop(folder)
    assert javas(folder) == []


def test_a_killed_supervisor_takes_java_with_it(data: Path) -> None:
    with LocalKafka(data):
        os.kill(state_of(data).supervisor.pid, signal.SIGKILL)

        eventually(
            lambda: javas(data) == [], 5, lambda: javas(data)
        )  # by the Linux kernel; the next test covers other systems


@pytest.mark.long
def test_a_java_that_lost_its_supervisor_is_replaced_not_doubled(data: Path) -> None:
    kafka = LocalKafka(data)
    kafka.ends_with_supervisor = False
    kafka.start()
    orphan = kafka.pid
    supervisor = state_of(data).supervisor
    os.kill(supervisor.pid, signal.SIGKILL)
    eventually(lambda: supervisor.process() is None, 5, lambda: supervisor)
    kafka._users.release()  # as if the user had been killed too; its `stop` would have ended the orphan
    assert javas(data) == [orphan]

    with LocalKafka(data) as again:
        assert javas(data) == [again.pid] != [orphan]
