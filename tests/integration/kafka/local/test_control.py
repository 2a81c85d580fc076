"""Test that a kept broker runs until it is stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.kafka.local import (
    LocalKafka,
    ensure_kafka,
    keep,
    status,
    stop,
)
from tests.support.local_kafka import consume, javas, produce


def test_a_kept_broker_runs_until_it_is_stopped(data: Path) -> None:
    with ensure_kafka(data) as held:
        keep(data)
    running = status(data)
    assert (running.is_running, running.is_kept, running.is_used, running.pid) == (
        True,
        True,
        False,
        held.pid,
    )

    with ensure_kafka(data) as joined:
        assert joined.pid == held.pid
    assert status(data).is_running

    assert stop(data)
    assert javas(data) == []
    assert not stop(data)


@pytest.mark.long
def test_a_restart_keeps_port_records_and_being_kept(data: Path) -> None:
    with LocalKafka(data) as kafka:
        keep(data)
        produce(kafka.bootstrap, [b"one"])
        before = (kafka.bootstrap, kafka.pid)

        after = kafka.restart()

        assert after == before[0]
        assert kafka.pid != before[1]
        assert status(data).is_kept
        assert consume(after, 1) == [b"one"]
