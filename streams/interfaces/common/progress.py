"""This file shows how far reading a file or topics is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

from streams.interfaces.common.output import errors, plural, print_err

if TYPE_CHECKING:
    from rich.console import Console

    from streams.kafka.local import StartProgress

_TICK_S = 0.2
_LINE_EVERY_S = 5.0


class Measured(Protocol):
    """A file that is being read."""

    @property
    def size(self) -> int | None:
        """Bytes there are; None when nobody knows."""
        ...

    @property
    def bytes_read(self) -> int:
        """Bytes read so far."""
        ...


async def tell(lines: Measured, count: Callable[[], int]) -> None:
    """Show `count()` leads, their rate, how many are left and how long that takes; until cancelled."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(compact=True))
    is_terminal = errors().is_terminal
    bars = Progress(*columns, console=errors(), transient=True) if is_terminal else None
    began = told = time.monotonic()
    with bars or nullcontext():
        task = None if bars is None else bars.add_task("0 leads", total=lines.size)
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            text = _sentence(count(), lines.size, lines.bytes_read, now - began)
            if bars is not None and task is not None:
                bars.update(task, description=text, completed=lines.bytes_read)
            elif now - told >= _LINE_EVERY_S:
                told = now
                print_err(text)


def _sentence(count: int, size: int | None, done: int, seconds: float) -> str:
    rate = count / seconds if seconds > 0 else 0.0
    text = f"{plural(count, 'lead')}, {rate:,.0f}/s"
    if size and done and rate and size > done:
        left = count * (size - done) / done
        text += f", about {left:,.0f} left ({left / rate:.0f} s)"
    return text


Tell = Callable[[str, int, int | None], None]
"""Is told what is read, how many records of it, and how many there are (None: that is not known yet)."""


@contextmanager
def telling(noun: str = "record") -> Iterator[Tell]:
    """Show what is at work, how many of it are done, the rate, and how many are left."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(compact=True))
    is_terminal = errors().is_terminal
    began = told = time.monotonic()
    at_work = ""
    with Progress(*columns, console=errors(), transient=True, disable=not is_terminal) as bars:
        task = bars.add_task("connecting", total=None)

        def tell(what: str, done: int, total: int | None) -> None:
            nonlocal began, told, at_work
            now = time.monotonic()
            if what != at_work:
                at_work, began = what, now
                bars.reset(task)
            text = what if total is None else f"{what}: {_left(noun, done, total, now - began)}"
            bars.update(task, description=text, completed=done, total=total)
            if not is_terminal and now - told >= _LINE_EVERY_S:
                told = now
                print_err(text)

        yield tell


def _left(noun: str, done: int, total: int, seconds: float) -> str:
    rate = done / seconds if seconds > 0 else 0.0
    left = f"{total - done:,} left" + (f" ({(total - done) / rate:,.0f} s)" if rate and done < total else "")
    return f"{plural(done, noun)}, {rate:,.0f}/s, {left}"


@contextmanager
def progress_on(console: Console) -> Iterator[StartProgress]:
    """Show the steps of a start: a bar on a terminal, one line a step elsewhere."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=None, visible=False)
        shown = ""

        def show(step: str, done: int, total: int, /) -> None:
            nonlocal shown
            if step != shown:
                shown = step
                console.print(
                    f"{step} ({total / 1e6:.0f} MB) …" if total else f"{step} …",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )
            bars.update(task, description=step, completed=done, total=total or None, visible=total > 0)

        yield show
