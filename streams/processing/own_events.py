"""This file remembers what this worker stated lately, so that it need not parse its own words again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from topics.decode import Decoded
from topics.envelope import Headers
from topics.events import Event

MOST = 10_000
LARGEST = 16 * 1024
"""Bytes of a value that is remembered: few are larger, and ten thousand of those would fill the memory."""
STALE_S = 300.0
"""After this an event is given up: another worker reads its partition."""


@dataclass(slots=True)
class _Known:
    headers: Headers
    decoded: Decoded
    readers_left: int
    since: float


class OwnEvents:
    """Decoded events by their bytes, until each step that reads them has done so.

    Most of what a worker reads it wrote a moment ago: one contact's events stay in one partition number. Only a record
    whose value *and* headers are to the byte what was published is taken from here; anything else is decoded.
    """

    def __init__(
        self,
        readers: Mapping[type[Event], int],
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`readers`: how many steps read each event. At most `most` events are remembered at a time."""
        self._readers = readers
        self._most = most
        self._clock = clock
        # Not a dict: finding the oldest key of one means stepping over all that were forgotten before.
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def remember(self, value: bytes, headers: Headers, decoded: Decoded) -> None:
        """Remember an event as it is about to be published, if a step reads it and there is room."""
        readers = self._readers.get(type(decoded.event), 0)
        if readers == 0 or len(value) > LARGEST:
            return
        now = self._clock()
        if len(self._known) >= self._most and not self._has_forgotten_one(now):
            # Refused rather than put in place of the oldest, which is read next: with a long backlog none would be
            # there any more when its turn comes.
            return
        self._known[value] = _Known(headers, decoded, readers, now)

    def _has_forgotten_one(self, now: float) -> bool:
        oldest = next(iter(self._known), None)
        if oldest is None or now - self._known[oldest].since < STALE_S:
            return False
        del self._known[oldest]
        return True

    def find(self, value: bytes | None, headers: Headers, expected: type[Event]) -> Decoded | None:
        """Give the event of these very bytes, if it is remembered and of the topic's type."""
        found = self._known.get(value) if value is not None else None
        if found is None or found.headers != headers or type(found.decoded.event) is not expected:
            return None
        found.readers_left -= 1
        if not found.readers_left:
            del self._known[value]  # type: ignore[arg-type]
        return found.decoded
