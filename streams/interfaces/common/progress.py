"""Shows progress on stderr: a bar on a terminal, otherwise a line every few seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from streams.interfaces.common.output import errors, plural, print_err

if TYPE_CHECKING:
    from rich.console import Console

    from streams.kafka.local import StartProgress

_TICK_S = 0.2
_LINE_EVERY_S = 5.0

Show = Callable[[str, float, float | None], None]
"""Takes a sentence, how much is done, and the total (None while unknown)."""
Report = Callable[[str, int, int | None], None]
"""Takes what is being read, how many records of it were read, and the total (None while unknown)."""


@contextmanager
def showing(sentence: str = "") -> Iterator[Show]:
    """Show sentences on stderr while some work runs."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(compact=True))
    is_terminal = errors().is_terminal
    printed = time.monotonic()
    with Progress(*columns, console=errors(), transient=True, disable=not is_terminal) as bars:
        task = bars.add_task(sentence, total=None)

        def show(sentence: str, done: float, total: float | None) -> None:
            nonlocal printed
            if total is not None and done < bars.tasks[0].completed:
                bars.reset(task)  # other work has begun, with another rate
            bars.update(task, description=sentence, completed=done, total=total)
            if not is_terminal and time.monotonic() - printed >= _LINE_EVERY_S:
                printed = time.monotonic()
                print_err(sentence)

        yield show


@contextmanager
def reporting(noun: str = "record") -> Iterator[Report]:
    """Show the current work, how much of it is done, the rate, and how much is left."""
    began, current = time.monotonic(), ""
    with showing("connecting") as show:

        def report(what: str, done: int, total: int | None) -> None:
            nonlocal began, current
            if what != current:
                current, began = what, time.monotonic()
            left = "" if total is None else f": {_left(noun, done, total, time.monotonic() - began)}"
            show(what + left, done, total)

        yield report


def _left(noun: str, done: int, total: int, seconds: float) -> str:
    rate = done / seconds if seconds > 0 else 0.0
    left = f"{total - done:,} left" + (f" ({(total - done) / rate:,.0f} s)" if rate and done < total else "")
    return f"{plural(done, noun)}, {rate:,.0f}/s, {left}"


class Measured(Protocol):
    """A file that is being read."""

    @property
    def size(self) -> int | None:
        """Size in bytes; None when unknown."""
        ...

    @property
    def bytes_read(self) -> int:
        """Number of bytes read so far."""
        ...


async def follow(lines: Measured, count: Callable[[], int]) -> None:
    """Show `count()` leads, their rate, how many are left and for how long, until cancelled."""
    began = time.monotonic()
    with showing("0 leads") as show:
        while True:
            await asyncio.sleep(_TICK_S)
            sentence = _leads(count(), lines.size, lines.bytes_read, time.monotonic() - began)
            show(sentence, lines.bytes_read, lines.size)


def _leads(count: int, size: int | None, done: int, seconds: float) -> str:
    rate = count / seconds if seconds > 0 else 0.0
    text = f"{plural(count, 'lead')}, {rate:,.0f}/s"
    if size and done and rate and size > done:
        left = count * (size - done) / done
        text += f", about {left:,.0f} left ({left / rate:.0f} s)"
    return text


@contextmanager
def progress_on(console: Console) -> Iterator[StartProgress]:
    """Show the steps of a start: a bar on a terminal, otherwise one line per step."""
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
