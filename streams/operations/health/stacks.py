"""Lists the stacks of a process's threads and tasks by file, line and function.

Values are left out, because what a function works on may be personal data.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import FrameType
from typing import Any

from streams.engine.failures import own_place

MAX_DEPTH = 40
MAX_STACKS = 30
"""At most so many different stacks are listed."""


def stacks(
    loop: asyncio.AbstractEventLoop | None, works: Mapping[str, object], besides: Iterable[str] = ()
) -> list[str]:
    """Return the stack, outermost line first, of every thread and task that runs code of ours.

    `works` are coroutines by name that are listed too: tasks of Faust's agents hide what they wait for. `besides`
    names threads to leave out. May be called from any thread.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    for name, work in works.items():
        seen[name, *_lines(_awaited(work))] += 1
    for name, lines in _threads(frozenset(besides)):
        seen[f"thread {name}", *lines] += 1
    for lines in _tasks(loop):
        seen["task", *lines] += 1
    shown: list[str] = []
    for (title, *lines), number in list(seen.items())[:MAX_STACKS]:
        shown.append(title if number == 1 else f"{number} x {title}")
        shown += [f"  {line}" for line in lines]
    return shown


def _threads(besides: frozenset[str]) -> Iterator[tuple[str, list[str]]]:
    frames = sys._current_frames()  # noqa: SLF001 - the one way to see other threads
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if frame is None or thread.name in besides:
            continue
        outwards: list[FrameType] = []
        while frame is not None:
            outwards.append(frame)
            frame = frame.f_back
        if lines := _lines(reversed(outwards)):
            yield thread.name, lines


def _tasks(loop: asyncio.AbstractEventLoop | None) -> Iterator[list[str]]:
    for task in asyncio.all_tasks(loop) if loop is not None else ():
        if lines := _lines(_awaited(task.get_coro())):
            yield lines


def _awaited(awaitable: Any) -> Iterator[FrameType]:  # noqa: ANN401 - a coroutine, a generator, or what either waits for
    """Yield the frames from a task's coroutine inwards to what it waits for."""
    for _ in range(MAX_DEPTH):
        kinds = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))
        names = next((names for names in kinds if hasattr(awaitable, names[0])), None)
        if names is None:
            return
        frame = getattr(awaitable, names[0])
        if frame is not None:
            yield frame
        awaitable = getattr(awaitable, names[1])


def _lines(frames: Iterable[FrameType]) -> list[str]:
    """Return the lines in our code and the innermost line of any code; empty when none is ours."""
    lines: list[str] = []
    is_last_own = True
    frame = None
    for frame in frames:
        place = own_place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        is_last_own = place is not None
        if place is not None:
            lines.append(place)
    if lines and not is_last_own and frame is not None:
        code = frame.f_code
        lines.append(f"{'/'.join(code.co_filename.split('/')[-3:])}:{frame.f_lineno} in {code.co_name}")
    return lines[-MAX_DEPTH:]
