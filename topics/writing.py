"""Writes JSON that is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson


def as_json(value: object, default: Callable[[Any], Any] | None = None) -> bytes:
    """Return JSON bytes, as `orjson.dumps` does, that use no more memory than their length.

    The bytes of orjson 3.13.0 keep its whole buffer, 4 KiB for `{}`, and thousands of them are remembered.
    """
    return bytes(memoryview(orjson.dumps(value, default)))
