"""This file ends a process that hangs."""

from __future__ import annotations

import os
import sys

STUCK = 4
"""Exit code of a worker that its watchdog ended."""


def end_stuck() -> None:
    """Exit with `STUCK`, now: nothing in order is left to do, that would wait for what hangs."""
    sys.stderr.flush()
    os._exit(STUCK)
