"""Show on stderr what is being measured."""

from __future__ import annotations

import time

from rich.console import Console


class Progress:
    """Lines with the seconds since the start."""

    def __init__(self) -> None:
        """Start the clock."""
        self._console = Console(stderr=True, highlight=False)
        self._began = time.monotonic()

    def say(self, what: str) -> None:
        """Print what is done now."""
        self._console.print(f"[dim]{time.monotonic() - self._began:6.1f} s[/dim]  {what}")
