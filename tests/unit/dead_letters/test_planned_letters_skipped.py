"""What a job says of a letter whose replay would come to something else now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streams.dead_letters.plan import PlanItem
from streams.dead_letters.planned_letters import difference, skip_reason
from streams.dead_letters.prediction import Prediction
from streams.store.jobs import ItemRow
from streams.store.letters import LetterRow
from tests.suites.letter_index import row

MINE = replace(row(1), job="mine")
ID = MINE.letter.id
PREDICTION = Prediction(ID, "lead-1", "assign-owner", 1, "would-resolve", ID)
ITEM = ItemRow(0, ID, "waiting", PlanItem.of(MINE, PREDICTION, "2.0").model_dump())


@pytest.mark.parametrize(
    ("now", "would", "reason"),
    [
        (MINE, PREDICTION.essence, None),
        (None, None, "it is not there any more"),
        (MINE, None, "it is not there any more"),
        (replace(MINE, job="another"), PREDICTION.essence, "this job has it in hand no more"),
        (replace(MINE, status="replaying"), PREDICTION.essence, "it is replaying now"),
    ],
)
def test_a_letter_is_asked_for_only_while_it_rests_and_is_the_jobs_own(
    now: LetterRow | None, would: dict[str, Any] | None, reason: str | None
) -> None:
    assert skip_reason("mine", ITEM, now, would) == reason


def test_differences_are_reported_per_action_and_without_personal_data() -> None:
    planned = {
        "verdict": "would-resolve",
        "changes": ["company"],
        "then": [
            {"action": "assign-owner", "verdict": "would-resolve"},
            {
                "action": "send-welcome-email",
                "outcome": "sent",
                "calls": [{"key": "welcome:k", "state": "goes-out"}],
            },
        ],
    }
    now = {
        "verdict": "would-resolve",
        "changes": ["company", "phone"],
        "then": [
            {"action": "assign-owner", "verdict": "would-resolve"},
            {
                "action": "send-welcome-email",
                "outcome": "skipped",
                "calls": [{"key": "welcome:k", "state": "held"}],
            },
        ],
    }

    assert difference(planned, now) == (
        "changes company -> company, phone, send-welcome-email outcome sent -> skipped, "
        "send-welcome-email calls welcome goes-out -> welcome held"
    )
