"""Failpoints: named places where a test can make a worker die, fail or stall."""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

POINTS = {
    "store.commit.before": "a store transaction did all it wants and is not committed",
    "store.commit.after": "a store transaction is committed and nobody knows yet",
    "call.before": "the intent of an outside call is committed, the call is not made",
    "call.after": "an outside call was made, its outcome is not in the store",
    "mail.before": "a mail server said go ahead and has no mail yet",
    "mail.after": "a mail server took a mail and nobody else knows",
    "webhook.before": "a notification is written and not posted",
    "webhook.after": "a receiver answered and nobody else knows",
    "publish.before": "outcomes are committed, none is handed to the producer",
    "publish.sent": "results and letters are handed to the producer, the broker has not answered",
    "publish.after": "the broker has all results and letters of a batch",
    "settle.before": "a batch is at its agent, nothing of it is done",
    "settle.after": "all of a batch is done and told, its offsets may not be committed yet",
    "offsets.commit.before": "offsets are about to be committed",
    "offsets.commit.after": "offsets are committed, the consumer does not know",
}
"""Every failpoint, and what is true when it is reached."""

ACTIONS = ("kill", "raise", "delay")
_SPEC = re.compile(
    r"(?P<name>[a-z.]+):(?P<nth>[1-9]\d{0,8}):(?P<action>kill|raise|delay)(=(?P<seconds>\d+(\.\d+)?))?"
)
DELAY_S = 1.0


class FailpointError(Exception):
    """A failpoint armed with `raise` was reached."""


@dataclass(slots=True)
class Armed:
    """One failpoint that acts when it is reached for the `nth` time."""

    name: str
    nth: int
    action: str
    seconds: float = DELAY_S
    _reached: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reach(self) -> None:
        """Count, and act the `nth` time. Both the event loop and the store's thread reach points."""
        with self._lock:
            self._reached += 1
            if self._reached != self.nth:
                return
        if self.action == "raise":
            raise FailpointError(f"failpoint {self.name}, reached {self.nth} times")
        if self.action == "delay":
            # Block the whole thread, as a busy machine or a paused process does.
            time.sleep(self.seconds)
            return
        os.kill(os.getpid(), signal.SIGKILL)


def parse(text: str) -> tuple[Armed, ...]:
    """Read `name:nth:kill|raise|delay[=seconds]`, several separated by commas. Raise ValueError with one sentence."""
    armed: list[Armed] = []
    for part in text.split(","):
        match = _SPEC.fullmatch(part.strip())
        if match is None:
            msg = f"{part.strip()!r} is not name:nth:kill, :raise or :delay=seconds, e.g. call.after:3:kill"
            raise ValueError(msg)
        if match["name"] not in POINTS:
            msg = f"there is no failpoint {match['name']!r}; `leads failpoints` lists them"
            raise ValueError(msg)
        seconds = float(match["seconds"]) if match["seconds"] else DELAY_S
        armed.append(Armed(match["name"], int(match["nth"]), match["action"], seconds))
    return tuple(armed)


def _nothing(_: str) -> None:
    """Do nothing: the point is reached in a worker without armed failpoints."""


_reach: Callable[[str], None] = _nothing


def reach(name: str) -> None:
    """Report that the worker is at this point. Costs two empty calls unless armed; never call it once per record."""
    _reach(name)


def arm(points: tuple[Armed, ...]) -> None:
    """Arm these points, and only these, in this process."""
    global _reach  # noqa: PLW0603 - a process has one set of failpoints, and looking it up must cost nothing
    if not points:
        _reach = _nothing
        return
    log.warning(
        "failpoints are armed: %s", ", ".join(f"{each.name}:{each.nth}:{each.action}" for each in points)
    )

    def act(name: str) -> None:
        for each in points:
            if each.name == name:
                each.reach()

    _reach = act
