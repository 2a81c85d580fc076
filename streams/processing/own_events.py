"""This file remembers what this worker stated lately, so that it need not parse its own words again."""

from __future__ import annotations

from collections import OrderedDict

from topics.decode import Decoded
from topics.envelope import Headers
from topics.events import Event

MOST = 10_000
LARGEST = 16 * 1024
"""Bytes of a value that is remembered: few are larger, and ten thousand of those would fill the memory."""


class OwnEvents:
    """Decoded events by their bytes, oldest forgotten first.

    Most of what a worker reads it wrote a moment ago: one contact's events stay in one partition number. Only a record
    whose value *and* headers are to the byte what was published is taken from here; anything else is decoded.
    """

    def __init__(self, most: int = MOST) -> None:
        """Remember at most `most` events."""
        self._most = most
        # Not a dict: finding the oldest key of one means stepping over all that were forgotten before.
        self._known: OrderedDict[bytes, tuple[Headers, Decoded]] = OrderedDict()

    def remember(self, value: bytes, headers: Headers, decoded: Decoded) -> None:
        """Remember an event as it is about to be published."""
        if len(value) > LARGEST:
            return
        self._known[value] = (headers, decoded)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def find(self, value: bytes | None, headers: Headers, expected: type[Event]) -> Decoded | None:
        """Give the event of these very bytes, if it was remembered and is of the topic's type."""
        found = self._known.get(value) if value is not None else None
        if found is None or found[0] != headers or type(found[1].event) is not expected:
            return None
        return found[1]
