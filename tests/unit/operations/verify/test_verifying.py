"""The second look."""

from __future__ import annotations

from tests.unit.operations.verify.history import (
    WELCOMED,
    History,
)
from tests.unit.operations.verify.planting import judged


async def test_what_becomes_whole_between_two_looks_is_no_finding(history: History) -> None:
    late = history.of(WELCOMED)
    history.records.remove(late)
    history.meanwhile.append(lambda now: now.records.append(late))

    verdict = await judged(history)

    assert verdict.is_second_look
    assert verdict.is_clean, verdict.as_data()
