"""How sequences are cut into chunks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from streams.chunks import chunked


@pytest.mark.parametrize(
    ("items", "chunks"),
    [
        ([], []),
        ([1, 2], [[1, 2]]),
        ([1, 2, 3], [[1, 2, 3]]),
        ([1, 2, 3, 4], [[1, 2, 3], [4]]),
        ((1, 2, 3, 4, 5, 6), [(1, 2, 3), (4, 5, 6)]),
    ],
)
def test_items_are_cut_in_their_order_and_the_last_chunk_may_be_smaller(
    items: Sequence[int], chunks: list[Sequence[int]]
) -> None:
    assert list(chunked(items, 3)) == chunks
