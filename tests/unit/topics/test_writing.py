"""Holds the JSON that is kept to its size."""

from __future__ import annotations

import tracemalloc

from topics.writing import as_json


def test_json_that_is_kept_takes_no_more_memory_than_it_is_long() -> None:
    tracemalloc.start()
    try:
        kept = [as_json({"outcome": "created"}) for _ in range(100)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert set(kept) == {b'{"outcome":"created"}'}
    assert taken < 100 * 200
