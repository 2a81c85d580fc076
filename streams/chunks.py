"""Cuts sequences into chunks, so that no query, transaction or request grows without bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def chunked(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in order, at most `size` at a time; yield nothing when there are no items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
