"""Publish leads at a steady pace from a separate thread, whatever happens to the servers."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from tests.acceptance.stage import Published, Stage

EVERY_S = 0.25
ENDS_WITHIN_S = 120.0


class Load:
    """Publishes `records` in order, about `per_second` of them each second."""

    def __init__(self, stage: Stage, records: Sequence[Published], per_second: float) -> None:
        """Nothing is published yet."""
        self._stage = stage
        self._records = records
        self._per_second = per_second
        self._published = 0
        self._error: BaseException | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether there are records left to publish."""
        return self._thread.is_alive() and self._published < len(self._records)

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Stop the pace and publish the rest at once. Raises what went wrong in the thread."""
        self._is_over.set()
        self._thread.join(timeout=ENDS_WITHIN_S)
        assert not self._thread.is_alive(), "the broker takes no leads"
        if self._error is not None:
            raise self._error
        self._stage.publish(self._records[self._published :])
        self._published = len(self._records)

    def stop(self) -> None:
        """Publish nothing more."""
        self._is_over.set()

    def _run(self) -> None:
        began = time.monotonic()
        try:
            while self._published < len(self._records) and not self._is_over.wait(EVERY_S):
                due = min(int((time.monotonic() - began) * self._per_second) + 1, len(self._records))
                self._stage.publish(self._records[self._published : due])
                self._published = due
        except BaseException as error:  # noqa: BLE001 - finish() raises it in the test's thread
            self._error = error
