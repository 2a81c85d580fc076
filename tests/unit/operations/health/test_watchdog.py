"""What the watchdog does about a worker that hangs, and how it reports the place."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from streams.operations.health.checks import HealthCheck
from streams.operations.health.progress import WorkerProgress
from streams.operations.health.stacks import stacks
from streams.operations.health.watchdog import Watchdog

SECRET = "jane@customer.example"


class Hanging:
    """A thread and tasks that wait until they are let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="store")

    def hang_in_a_thread(self, secret: str) -> None:
        self.begun.set()
        self.let_go.wait()

    async def hang_in_a_task(self, secret: str, begun: asyncio.Event) -> None:
        begun.set()
        await asyncio.get_running_loop().run_in_executor(self.pool, self.hang_in_a_thread, secret)

    async def wait_for(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        await asyncio.wait(tasks)


async def behind_a_wrapper(work: Coroutine[None, None, None]) -> None:
    """Wait as a Faust agent does: through an object that hides what it waits for."""

    class Actor:
        def __await__(self) -> Generator[None, None, None]:
            return work.__await__()

    await Actor()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    found = Hanging()
    yield found
    found.let_go.set()
    found.pool.shutdown()


def looked(progress: WorkerProgress, now: list[float], ends: list[str]) -> Watchdog:
    judge = HealthCheck(progress, limit_s=1)
    for _ in range(2):
        judge.look()
        now[0] += 2
    return Watchdog(progress, judge, lambda: ends.append("ended"), limit_s=1)


def test_it_ends_a_worker_that_is_stuck_and_logs_it_as_critical(caplog: pytest.LogCaptureFixture) -> None:
    now, ends = [0.0], list[str]()
    progress = WorkerProgress(silent_after_s=10, clock=lambda: now[0])
    progress.part("assign_owner").begin()
    watchdog = looked(progress, now, ends)

    assert watchdog.look()

    assert ends == ["ended"]
    (record,) = caplog.records
    assert record.levelno == logging.CRITICAL
    assert "assign_owner has work and has not got on for 4 s" in record.getMessage()
    assert any("test_watchdog.py" in line for line in record.at)  # type: ignore[attr-defined]


def test_it_leaves_a_worker_alone_that_waits_for_the_store() -> None:
    now, ends = [0.0], list[str]()
    progress = WorkerProgress(silent_after_s=10, clock=lambda: now[0])
    progress.part("assign_owner").begin()
    progress.dependencies["store"].failed("OperationalError")
    watchdog = looked(progress, now, ends)

    assert not watchdog.look()
    assert ends == []


async def test_stacks_say_where_tasks_and_threads_are_and_not_what_they_work_on(hanging: Hanging) -> None:
    begun = asyncio.Event()
    tasks = [asyncio.create_task(hanging.hang_in_a_task(SECRET, begun), name=SECRET) for _ in range(3)]
    await begun.wait()
    await asyncio.to_thread(hanging.begun.wait)

    work = hanging.wait_for(tasks)
    waiting = asyncio.create_task(behind_a_wrapper(work))
    await asyncio.sleep(0)
    lines = stacks(asyncio.get_running_loop(), {"agent assign_owner": work})
    hanging.let_go.set()
    await waiting

    text = "\n".join(lines)
    agent = lines.index("agent assign_owner")
    assert lines[agent + 1].endswith("in wait_for")
    assert "3 x task" in lines
    assert "in hang_in_a_task" in text
    thread = lines.index("thread store_0")
    assert "in hang_in_a_thread" in lines[thread + 1]
    assert lines[thread + 2].endswith("in wait")
    assert SECRET not in text


async def test_a_thread_of_its_own_sees_that_the_event_loop_is_blocked() -> None:
    # On the real clock, since it is the thread's: the loop gives up by itself should nobody see it.
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
