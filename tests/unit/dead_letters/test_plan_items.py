"""When a job asks for a letter only if somebody insists, and when a plan names an owner."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import orjson
import pytest

from streams.dead_letters.plan import MAX_GENERATIONS, PlanItem, PlanWriter
from streams.dead_letters.prediction import CallState, OutsideCall, Prediction
from streams.store.letters import microseconds
from tests.suites.letter_index import row

LETTER = row(1)
ID = LETTER.letter.id
MICROSECOND = timedelta(microseconds=1)


def planned(**fields: Any) -> PlanItem:  # noqa: ANN401 - fields of an item
    found = PlanItem.of(LETTER, Prediction(ID, "lead-1", "assign-owner", 1, "would-resolve", ID), "2.0")
    return found.model_copy(update=fields)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({}, None),
        ({"generation": MAX_GENERATIONS - 1}, None),
        ({"generation": MAX_GENERATIONS}, "it has failed 11 times"),
        (
            {"late": "send-welcome-email"},
            "send-welcome-email would follow late; a plan with `--stale run` lets it",
        ),
        ({"is_unchanged": True}, "neither its record nor the build has changed since it failed: NOT_JSON"),
        ({"would": {"verdict": "gone", "code": "RECORD_GONE"}}, "it would fail again: RECORD_GONE"),
    ],
)
def test_a_letter_that_a_replay_would_not_help_is_refused_with_the_reason(
    fields: dict[str, Any], refusal: str | None
) -> None:
    assert planned(**fields).refusal == refusal


@pytest.mark.parametrize(
    ("failure_class", "state", "build", "edited", "is_unchanged"),
    [
        ("rejected", "goes-out", "2.0", None, True),
        ("defect", "goes-out", "2.0", None, True),
        ("transient", "goes-out", "2.0", None, False),
        ("rejected", "held", "2.0", None, False),
        ("rejected", "goes-out", "2.1", None, False),
        ("rejected", "goes-out", "2.0", timedelta(seconds=1), False),
        ("rejected", "goes-out", "2.0", -timedelta(seconds=1), True),
    ],
)
def test_nothing_has_changed_while_the_same_build_asks_the_same_of_whom_has_refused_it_for_good(
    failure_class: str,
    state: CallState,
    build: str,
    edited: timedelta | None,
    is_unchanged: bool,  # noqa: FBT001 - a case of the test
) -> None:
    failed = row(1, failure_class=failure_class, app_version="2.0")
    if edited is not None:
        failed = replace(failed, edited_at=microseconds(failed.letter.time) + edited // MICROSECOND)
    found = Prediction(
        ID, "lead-1", "notify-owner", 1, "would-resolve", ID, calls=[OutsideCall("Notifier", "k", state)]
    )

    assert PlanItem.of(failed, found, build).is_unchanged == is_unchanged


def test_an_owner_is_named_as_long_as_nobody_takes_turns_that_a_job_does_not_count() -> None:
    def taking(**fields: Any) -> Prediction:  # noqa: ANN401 - fields of a prediction
        return Prediction(ID, "lead-1", "assign-owner", 1, "would-resolve", ID, **fields)

    turn = taking(owner="ada", is_new_owner=True)
    file = BytesIO()
    writer = PlanWriter(file, made="now", app_version="1", selector="--all", stale=None)

    for found in (turn, taking(following=[turn]), turn):
        writer.add(LETTER, found)

    lines = [orjson.loads(line) for line in file.getvalue().splitlines()[1:]]
    assert [line["owner"] for line in lines] == ["ada", None, None]
    assert writer.totals.owners == {"ada": 3}
