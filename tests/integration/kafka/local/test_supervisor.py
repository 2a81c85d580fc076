"""Test that the supervisor and its Java end together."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from streams.kafka.local import (
    LocalKafka,
)
from tests.support.local_kafka import eventually, javas, state_of


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
