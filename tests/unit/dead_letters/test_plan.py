"""A plan names owners and refuses hopeless letters; its file is refused when it was changed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import orjson
import pytest

from streams.dead_letters.plan import MAX_GENERATIONS, PlanError, PlanItem, PlanWriter, parse_plan
from streams.dead_letters.prediction import CallState, OutsideCall, Prediction
from streams.store.letters import microseconds
from tests.support.letters import row

LETTER = row(1)
ID = LETTER.letter.id
MICROSECOND = timedelta(microseconds=1)


def planned(**fields: Any) -> PlanItem:  # noqa: ANN401 - fields of an item
    item = PlanItem.of(LETTER, Prediction(ID, "lead-1", "assign-owner", 1, "would-resolve", ID), "2.0")
    return item.model_copy(update=fields)


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
def test_a_hopeless_letter_is_refused_with_the_reason(fields: dict[str, Any], refusal: str | None) -> None:
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
def test_a_permanent_refusal_from_outside_is_unchanged_until_the_record_or_the_build_changes(
    failure_class: str,
    state: CallState,
    build: str,
    edited: timedelta | None,
    is_unchanged: bool,  # noqa: FBT001 - a case of the test
) -> None:
    failed = row(1, failure_class=failure_class, app_version="2.0")
    if edited is not None:
        failed = replace(failed, edited_at=microseconds(failed.letter.time) + edited // MICROSECOND)
    prediction = Prediction(
        ID, "lead-1", "notify-owner", 1, "would-resolve", ID, calls=[OutsideCall("Notifier", "k", state)]
    )

    assert PlanItem.of(failed, prediction, build).is_unchanged == is_unchanged


def test_an_owner_is_named_until_a_downstream_step_of_an_earlier_letter_takes_a_turn() -> None:
    def taking(**fields: Any) -> Prediction:  # noqa: ANN401 - fields of a prediction
        return Prediction(ID, "lead-1", "assign-owner", 1, "would-resolve", ID, **fields)

    turn = taking(owner="ada", is_new_owner=True)
    file = BytesIO()
    writer = PlanWriter(file, made="now", app_version="1", selector="--all", stale=None)

    for prediction in (turn, taking(following=[turn]), turn):
        writer.add(LETTER, prediction)

    lines = [orjson.loads(line) for line in file.getvalue().splitlines()[1:]]
    assert [line["owner"] for line in lines] == ["ada", None, None]
    assert writer.totals.owners == {"ada": 3}


# ------------------------------------------------------------------------------------------------- the file

LETTER_ID = "0b8f3a3e-8a59-5a3c-9d0e-0d5a6f6f2f11"
HEAD = {"leads_plan": 1, "made": "now", "app_version": "1", "selector": "--all", "stale": None}
ITEM = {
    "id": LETTER_ID, "generation": 0, "edits": 0, "sha256": None, "code": "NOT_JSON", "result_id": LETTER_ID,
    "would": {"verdict": "unreadable"}, "contact": None, "follows": [], "owner": None, "late": None,
    "is_unchanged": False,
}  # fmt: skip


def written(*documents: dict[str, Any]) -> bytes:
    """Return a plan of these lines with the right checksum."""
    lines = b"".join(orjson.dumps(each) + b"\n" for each in documents)
    return lines + orjson.dumps({"totals": {}, "sha256": hashlib.sha256(lines).hexdigest()}) + b"\n"


GOOD = written(HEAD, ITEM)


def test_a_plan_is_read_back() -> None:
    plan = parse_plan("p", GOOD)

    assert [item.model_dump() for item in plan.items] == [ITEM]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "p is not a plan of this build"),
        (b"\x89PNG\r\n\x1a\n", "p: line 1 is not valid JSON at character 0"),
        (b"[1]\n", "p: line 1 is not a JSON object"),
        (GOOD.replace(b'"leads_plan":1', b'"leads_plan":2'), "p is not a plan of this build"),
        (GOOD.replace(b"unreadable", b"would-resolve"), "p was changed after it was written"),
        (GOOD.replace(b"\n", b"\r\n"), "p was changed after it was written"),
        (GOOD[:-9], "p: line 3 is not valid JSON"),
        (b"".join(GOOD.splitlines(keepends=True)[:-1]), "p is truncated"),
        (b"".join(GOOD.splitlines(keepends=True)[:1]), "p is truncated"),
        (written({"leads_plan": 1}, ITEM), "p: line 1 lacks 'made'"),
        (written({**HEAD, "stale": "perhaps"}, ITEM), "p: line 1 has stale 'perhaps'"),
        (written(HEAD, ITEM, ITEM), f"p: letter {LETTER_ID} occurs 2 times"),
        (written(HEAD, {**ITEM, "generation": "0"}), "p: line 2 has a 'generation' of another kind"),
        (written(HEAD, {**ITEM, "id": "5"}), "p: line 2 has an invalid id"),
        (written(HEAD, {**ITEM, "result_id": "zz"}), "p: line 2 has an invalid id"),
        (written(HEAD, {**ITEM, "would": {}}), "p: line 2 has a prediction"),
        (
            written(HEAD, {**ITEM, "would": {"verdict": "unreadable"}, "more": 1}),
            "p: line 2 has a 'more', which",
        ),
        (written(HEAD, {**ITEM, "would": "x"}), "p: line 2 has a 'would' of another kind"),
    ],
)
def test_a_broken_plan_is_refused_with_the_place_and_the_next_step(content: bytes, message: str) -> None:
    with pytest.raises(PlanError, match=f"^{message}.*; .*(plan|new one)"):
        parse_plan("p", content)
