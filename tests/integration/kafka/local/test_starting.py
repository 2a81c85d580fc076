"""Test starts that coincide, fail, or are killed half-way."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from streams.kafka.local import (
    DataFolderBusyError,
    LocalKafka,
    StartFailedError,
    stop,
)
from streams.kafka.local.folder import Folder
from streams.kafka.local.state import State

ROOT = Path(__file__).parents[4]
OWNER = """
import sys, time
from pathlib import Path
from streams.kafka.local import ensure_kafka
held = ensure_kafka(Path(sys.argv[1]))
print(held.bootstrap, flush=True)
time.sleep(300)
"""


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


def test_many_starts_at_once_run_one_java(data: Path) -> None:
    line = [sys.executable, "-c", OWNER, str(data)]
    owners = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(4)]

    addresses = {owner.stdout.readline() for owner in owners if owner.stdout is not None}

    assert addresses == {state_of(data).bootstrap + "\n"}
    assert len(javas(data)) == 1
    assert Folder.of(data).log.read_text().count("started on") == 1
    for owner in owners:
        owner.kill()
        owner.communicate()
    eventually(lambda: javas(data) == [], 5, lambda: javas(data))


@pytest.mark.long
def test_an_owner_killed_in_mid_start_leaves_no_java(data: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(data)], cwd=ROOT, stdout=subprocess.DEVNULL)
    eventually(lambda: len(javas(data)) == 1, 20, lambda: javas(data))

    owner.kill()
    owner.wait()

    eventually(lambda: javas(data) == [], 20, lambda: javas(data))


def test_another_port_than_that_of_the_running_broker_is_refused(data: Path) -> None:
    with (
        LocalKafka(data) as kafka,
        pytest.raises(DataFolderBusyError, match=r"runs on port \d+, not 31998; .*leads kafka stop"),
    ):
        LocalKafka(data, port=31_998).start()

    assert kafka.data == data


def test_a_failed_start_shows_the_end_of_the_log(data: Path) -> None:
    with LocalKafka(data):
        pass
    (data / "kafka" / "data" / "meta.properties").write_text("version=1\ncluster.id=x\nnode.id=7\n")

    with pytest.raises(
        StartFailedError, match=r"(?s)ended before it was ready.*kafka\.log.*node id.*7"
    ) as caught:
        LocalKafka(data).start()

    assert "Java ended by itself: exit code 1" in str(caught.value)
