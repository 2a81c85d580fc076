"""Test that the local broker serves, loses nothing, and ends with its last user."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.kafka.local import (
    LocalKafka,
    ensure_kafka,
    status,
)
from tests.support.local_kafka import OWNER, ROOT, consume, eventually, javas, produce


@pytest.fixture
def start_owner(data: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Return a function that starts another process and returns once that process holds the broker."""
    owners: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", OWNER, str(data)]
        owner = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        owners.append(owner)
        assert owner.stdout is not None
        assert owner.stdout.readline().startswith("127.0.0.1:")
        return owner

    yield start
    for owner in owners:
        owner.kill()
        owner.wait()
        assert owner.stdout is not None
        owner.stdout.close()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "streams.interfaces.cli.kafka", *arguments]
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=False, timeout=100)


def test_records_pass_through_it_and_stop_leaves_no_java(data: Path) -> None:
    values = [b"one", b"two", b"three"]

    with LocalKafka(data) as kafka:
        produce(kafka.bootstrap, values)
        assert consume(kafka.bootstrap, 3) == values
        assert len(javas(data)) == 1

    assert javas(data) == []
    assert not status(data).is_running


def test_acknowledged_records_survive_a_killed_java_on_the_same_port(data: Path) -> None:
    values = [f"{number}".encode() for number in range(1_000)]
    with LocalKafka(data) as kafka:
        before = kafka.bootstrap
        produce(before, values)

        kafka.kill()
        assert javas(data) == []
        after = kafka.start()

        assert after == before
        assert consume(after, 1_000) == values


def test_a_killed_owner_takes_java_with_it(
    data: Path, start_owner: Callable[[], subprocess.Popen[str]]
) -> None:
    owner = start_owner()

    owner.send_signal(signal.SIGKILL)

    eventually(lambda: javas(data) == [], 5, lambda: javas(data))


@pytest.mark.long
def test_the_broker_outlives_its_starter_while_another_uses_it(
    data: Path, start_owner: Callable[[], subprocess.Popen[str]]
) -> None:
    first = start_owner()
    running = javas(data)
    with ensure_kafka(data) as joined:
        first.kill()
        first.wait()
        time.sleep(1)  # ten polls of the supervisor

        assert javas(data) == running == [joined.pid]

    assert javas(data) == []


def test_the_commands_start_tell_and_stop_as_scripts_expect(data: Path) -> None:
    where = ("--json", "--data", str(data))
    absent = command("status", *where)
    started = command("start", *where)
    shown = command("status", *where)
    again = command("start", *where)
    ended = command("stop", *where)
    nothing = command("stop", *where)

    runs = [absent, started, shown, again, ended, nothing]
    assert [run.returncode for run in runs] == [3, 0, 0, 0, 0, 0]
    documents = [json.loads(run.stdout) for run in runs]
    assert [document["is_running"] for document in documents] == [False, True, True, True, False, False]
    assert [document.get("ran_before") for document in documents] == [None, False, None, True, True, False]
    assert documents[1]["bootstrap"] == documents[3]["bootstrap"] == documents[2]["bootstrap"] is not None
    assert Path(documents[2]["log"]).read_text().count("ready after") == 1
    assert "Starting Kafka" in started.stderr


def test_jars_that_cannot_be_had_are_exit_code_3_and_a_next_step(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))  # where macOS has its cache
    monkeypatch.setenv("KAFKA_MAVEN_MIRROR", "http://127.0.0.1:9/maven")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    run = command("start", "--data", str(data))

    assert (run.returncode, run.stdout) == (3, "")
    assert "KAFKA_MAVEN_MIRROR" in run.stderr
    assert "Traceback" not in run.stderr
