"""This file shows the demo while it runs: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

LINE_EVERY_S = 5.0
ROWS: tuple[tuple[str, str], ...] = (
    ("received", "cyan"),
    ("validated", "green"),
    ("rejected", "yellow"),
    ("matched", "green"),
    ("upserted", "green"),
    ("assigned", "green"),
    ("welcomed", "green"),
    ("notified", "green"),
    ("open letters", "red"),
    ("mails", "magenta"),
)
_EIGHTHS = " ▏▎▍▌▋▊▉"
MOST_BAR = 60


def bar(count: int, whole: int, width: int, encoding: str) -> str:
    """Draw a bar; what is more than nothing is seen."""
    if whole <= 0 or count <= 0:
        return ""
    eighths = max(1, round(min(count / whole, 1.0) * width * 8))
    if not encoding.lower().startswith("utf"):
        return "#" * max(1, eighths // 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


class Show:
    """Tells what happens, on stderr; `with` begins and ends it."""

    def __init__(self, console: Console, total: int) -> None:
        """`total`: how many records there will be."""
        self._console = console
        self._total = total
        self._counts: Mapping[str, int] = dict.fromkeys((name for name, _ in ROWS), 0)
        self._began = self._told = time.monotonic()
        self._live = (
            Live(
                console=console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            if console.is_terminal
            else None
        )

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        clock = f"{time.monotonic() - self._began:5.1f} s  "
        self._console.print(clock + text, markup=False, highlight=False, soft_wrap=self._live is None)

    def update(self, counts: Mapping[str, int]) -> None:
        """Show how far it is."""
        is_news = counts != self._counts
        self._counts = counts
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)
        elif is_news and time.monotonic() - self._told >= LINE_EVERY_S:
            self._told = time.monotonic()
            self.say(", ".join(f"{name} {counts[name]}" for name, _ in ROWS))

    def _picture(self) -> Group:
        table = Table.grid(padding=(0, 1))
        table.add_column(justify="left", min_width=12)
        table.add_column(justify="right", min_width=4)
        table.add_column()
        width = max(10, min(MOST_BAR, self._console.width - 22))
        for name, colour in ROWS:
            count = self._counts[name]
            drawn = bar(count, self._total, width, self._console.encoding)
            table.add_row(name, f"{count:,}", Text(drawn, style=colour))
        return Group(Text(), table)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
