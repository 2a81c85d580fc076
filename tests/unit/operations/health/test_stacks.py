"""Stacks of tasks and threads, without the values they work on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from streams.operations.health.stacks import stacks

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
    """Wait like a Faust agent: through an object that hides what it waits for."""

    class Actor:
        def __await__(self) -> Generator[None, None, None]:
            return work.__await__()

    await Actor()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.let_go.set()
    made.pool.shutdown()


async def test_stacks_show_where_tasks_and_threads_are_without_what_they_work_on(hanging: Hanging) -> None:
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
