"""A cache of the events that this worker published lately, which saves parsing them again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from topics.decode import Decoded
from topics.envelope import Headers
from topics.events import Event

MAX_EVENTS = 4_000
"""Per type of event."""
MAX_CACHED_VALUE = 16 * 1024
"""Largest value that is cached, in bytes: few are larger, and thousands of those would fill the memory."""
STALE_S = 300.0
"""An older event may be evicted: another worker reads its partition."""


@dataclass(slots=True)
class _Known:
    headers: Headers
    decoded: Decoded
    readers_left: int
    since: float


class EventCache:
    """Decoded events by their bytes, until each step that reads them has done so.

    A worker wrote most of what it reads a moment ago, because one contact's events stay in one partition number. Only
    a record whose value *and* headers equal the published bytes is taken from here; any other is decoded.
    """

    def __init__(
        self,
        readers: Mapping[type[Event], int],
        max_events: int = MAX_EVENTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`readers`: how many steps read each event. At most `max_events` of each type are cached at a time.

        The limit is per type, because a type that is read late would leave no room for those that are read at once.
        """
        self._readers = readers
        self._max_events = max_events
        self._clock = clock
        # Not a dict: finding its oldest key means stepping over all keys deleted before.
        self._known: dict[type[Event], OrderedDict[bytes, _Known]] = {
            event: OrderedDict() for event in readers
        }

    def remember(self, value: bytes, headers: Headers, decoded: Decoded) -> None:
        """Cache an event that is about to be published, if a step reads it and there is room."""
        event = type(decoded.event)
        readers = self._readers.get(event, 0)
        if readers == 0 or len(value) > MAX_CACHED_VALUE:
            return
        now, known = self._clock(), self._known[event]
        if len(known) >= self._max_events:
            oldest = next(iter(known))
            if now - known[oldest].since < STALE_S:
                # Do not evict the oldest, which is read next: with a long backlog every event would be evicted
                # before it is read.
                return
            del known[oldest]
        known[value] = _Known(headers, decoded, readers, now)

    def find(self, value: bytes | None, headers: Headers, expected: type[Event]) -> Decoded | None:
        """Return the event with exactly these bytes, if it is cached and of the topic's type."""
        if value is None or not (known := self._known.get(expected)):
            return None
        event = known.get(value)
        if event is None or event.headers != headers:
            return None
        event.readers_left -= 1
        if not event.readers_left:
            del known[value]
        return event.decoded
