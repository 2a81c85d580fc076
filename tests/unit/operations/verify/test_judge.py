"""A healthy history has no finding."""

from __future__ import annotations

import pytest

from tests.unit.operations.verify.history import (
    History,
)
from tests.unit.operations.verify.planting import judged


@pytest.mark.parametrize("has_journals", [True, False])
async def test_a_healthy_history_has_no_finding_and_its_fates_add_up(
    history: History, *, has_journals: bool
) -> None:
    verdict = await judged(history, has_journals=has_journals)

    assert verdict.is_clean, verdict.as_data()
    assert verdict.counts["fates"] == {"onboarded": 1, "letter": 1}
    assert (verdict.uncertain, verdict.repeated_webhooks, verdict.unjudged) == ([], [], {})
    assert not verdict.is_second_look
