"""The fates of the received leads, and what is under way."""

from __future__ import annotations

from dataclasses import replace

from streams.operations.verify.contract import (
    RECEIVED,
)
from tests.unit.operations.verify.history import (
    History,
    received,
)
from tests.unit.operations.verify.planting import judged


async def test_a_record_that_is_not_settled_yet_is_under_way(history: History) -> None:
    history.records.append(received(("/web", "e-3"), 2, b"{}"))
    history.settled[RECEIVED] = 2

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()
    assert verdict.counts["unread"] == {RECEIVED: 1}
    assert verdict.counts["fates"]["on its way"] == 1


async def test_a_repetition_is_counted_with_the_fate_of_its_event(history: History) -> None:
    history.records.append(replace(history.of(RECEIVED), offset=2))

    verdict = await judged(history)

    assert verdict.is_clean, verdict.as_data()
    assert verdict.counts["fates"] == {"onboarded": 1, "letter": 1, "repetition": 1}
    assert verdict.counts["repetitions"] == {"onboarded": 1}


async def test_leads_received_from_an_offset_on_are_counted_alone_and_known_events_stay_repetitions(
    history: History,
) -> None:
    history.records.append(replace(history.of(RECEIVED), offset=2))

    verdict = await judged(history, received_from={0: 1})

    assert (verdict.counts["received"], verdict.counts["fates"]) == (2, {"letter": 1, "repetition": 1})
    assert (await judged(history, received_from={1: 0})).counts["received"] == 0
