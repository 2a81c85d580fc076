"""This file shows how far reading a file is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import nullcontext

from streams.cli.output import errors, number, say
from streams.lines import Lines

_TICK_S = 0.2
_LINE_EVERY_S = 5.0


async def tell(lines: Lines, count: Callable[[], int]) -> None:
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
                say(text)


def _sentence(count: int, size: int | None, done: int, seconds: float) -> str:
    rate = count / seconds if seconds > 0 else 0.0
    text = f"{number(count, 'lead')}, {rate:,.0f}/s"
    if size and done and rate and size > done:
        left = count * (size - done) / done
        text += f", about {left:,.0f} left ({left / rate:.0f} s)"
    return text
