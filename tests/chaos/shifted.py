"""Become `leads …` in a process whose clock can be set while it runs.

`python -m tests.chaos.shifted FILE …`: FILE holds the seconds that this process' clock is ahead; it may change at any
time. `time.time` and every `datetime.now` of ours are shifted; clocks that only count (`time.monotonic`) are not, as
when an administrator or NTP sets a real clock. Servers keep the right time.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from types import ModuleType

LOOK_EVERY_S = 0.05
OURS = ("streams", "actions", "topics")


class Shift:
    """How far ahead the clock is."""

    seconds = 0.0


class ShiftedDatetime(datetime):
    """What our modules get as `datetime`."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a plain one, as everybody expects
        return datetime.now(tz) + timedelta(seconds=Shift.seconds)


def follow(file: Path) -> None:
    """Read the shift from the file, again and again."""
    while True:
        Shift.seconds = float(file.read_text() or 0)
        time.sleep(LOOK_EVERY_S)


def shift(modules: list[ModuleType]) -> int:
    """Replace the clocks of these modules by the shifted one; return how many modules read a clock."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + Shift.seconds
    time.time_ns = lambda: real_ns() + int(Shift.seconds * 1e9)
    readers = [module for module in modules if getattr(module, "datetime", None) is datetime]
    for module in readers:
        module.datetime = ShiftedDatetime  # type: ignore[attr-defined]
    return len(readers)


def main() -> None:
    """Load all that a worker runs, shift its clock and run the command."""
    file = Path(sys.argv.pop(1))
    from streams import onboarding, wiring, worker  # noqa: F401 - what the command itself loads late
    from streams.interfaces.cli import main as command

    Shift.seconds = float(file.read_text())
    assert shift([module for name, module in sys.modules.items() if name.partition(".")[0] in OURS])
    threading.Thread(target=follow, args=(file,), daemon=True).start()
    command.main()


if __name__ == "__main__":
    main()
