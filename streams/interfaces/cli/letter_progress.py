"""This file shows how far a replay job is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streams.interfaces.common.output import errors, print_err

if TYPE_CHECKING:
    from streams.dead_letters.job_limits import JobProgress

LINE_EVERY_S = 5.0
STATES = ("resolved", "noop", "failed", "skipped", "asked", "waiting")


@contextmanager
def telling_jobs() -> Iterator[Callable[[JobProgress], None]]:
    """Show how far the job is: a bar on a terminal, a line now and then elsewhere."""
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(compact=True))
    is_terminal = errors().is_terminal
    began = told = time.monotonic()
    with Bars(*columns, console=errors(), transient=True, disable=not is_terminal) as bars:
        task = bars.add_task("", total=None)

        def tell(progress: JobProgress) -> None:
            nonlocal told
            now = time.monotonic()
            rate = progress.ended / max(now - began, 0.001)
            left = progress.total - progress.ended
            text = f"{counted(progress.counts)}, {rate:,.0f}/s"
            if rate and left:
                text += f", {left / rate:,.0f} s left"
            if progress.waits_for is not None:
                text += f" (waits for {progress.waits_for})"
            bars.update(task, description=text, completed=progress.ended, total=progress.total)
            if not is_terminal and now - told >= LINE_EVERY_S:
                told = now
                print_err(text)

        yield tell


def counted(counts: dict[str, int]) -> str:
    """Give letters by state as words."""
    return ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts.get(state)) or "nothing"
