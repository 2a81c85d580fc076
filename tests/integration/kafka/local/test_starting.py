"""Test starts that coincide, fail, or are killed half-way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streams.kafka.local import (
    DataFolderBusyError,
    LocalKafka,
    StartFailedError,
)
from streams.kafka.local.folder import Folder
from tests.support.local_kafka import OWNER, ROOT, eventually, javas, state_of


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
