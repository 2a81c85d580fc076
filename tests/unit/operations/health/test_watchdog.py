"""How the watchdog ends a worker that hangs and reports where it hangs."""

from __future__ import annotations

import logging
import threading

import pytest

from streams.operations.health.checks import HealthCheck
from streams.operations.health.progress import WorkerProgress
from streams.operations.health.watchdog import Watchdog

SECRET = "jane@customer.example"


def looked(progress: WorkerProgress, now: list[float], ends: list[str]) -> Watchdog:
    check = HealthCheck(progress, limit_s=1)
    for _ in range(2):
        check.look()
        now[0] += 2
    return Watchdog(progress, check, lambda: ends.append("ended"), limit_s=1)


def test_it_ends_a_worker_that_is_stuck_and_logs_it_as_critical(caplog: pytest.LogCaptureFixture) -> None:
    now, ends = [0.0], list[str]()
    progress = WorkerProgress(silent_after_s=10, clock=lambda: now[0])
    progress.part("assign_owner").begin()
    watchdog = looked(progress, now, ends)

    assert watchdog.look()

    assert ends == ["ended"]
    (record,) = caplog.records
    assert record.levelno == logging.CRITICAL
    assert "assign_owner has work and has made no progress for 4 s" in record.getMessage()
    assert any("test_watchdog.py" in line for line in record.at)  # type: ignore[attr-defined]


def test_it_leaves_a_worker_alone_that_waits_for_the_store() -> None:
    now, ends = [0.0], list[str]()
    progress = WorkerProgress(silent_after_s=10, clock=lambda: now[0])
    progress.part("assign_owner").begin()
    progress.dependencies["store"].failed("OperationalError")
    watchdog = looked(progress, now, ends)

    assert not watchdog.look()
    assert ends == []


async def test_a_thread_of_its_own_sees_that_the_event_loop_is_blocked() -> None:
    # On the real clock, which the thread uses: the test fails after 10 s when the thread sees nothing.
    ended = threading.Event()
    progress = WorkerProgress(silent_after_s=10)
    progress.beat(None)
    watchdog = Watchdog(progress, HealthCheck(progress, limit_s=0.1), ended.set, limit_s=0.1)
    watchdog.start()

    is_seen = ended.wait(10)
    watchdog.stop()

    assert is_seen


def test_a_defect_of_the_judge_does_not_end_the_watchdog(caplog: pytest.LogCaptureFixture) -> None:
    ended = threading.Event()

    class Broken(HealthCheck):
        looks = 0

        def look(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
            self.looks += 1
            if self.looks == 1:
                raise KeyError(SECRET)
            return super().look()

    progress = WorkerProgress(silent_after_s=10)
    progress.beat(None)
    watchdog = Watchdog(progress, Broken(progress, limit_s=0.1), ended.set, limit_s=0.1)
    watchdog.start()

    is_seen = ended.wait(10)
    watchdog.stop()

    assert is_seen
    assert caplog.records[0].getMessage() == "the watchdog cannot judge the worker"
