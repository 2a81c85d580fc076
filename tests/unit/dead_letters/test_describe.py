"""A letter is described in sentences: what happened, what is committed, and what a replay would do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from streams.clock import to_us
from streams.dead_letters.describe import what_happened, what_is_done, what_would_come
from streams.dead_letters.prediction import FieldChange, OutsideCall, PredictedVerdict, Prediction
from streams.store.ledger import LedgerRow
from streams.store.letters import DISCARDED, REPLAYING, RESOLVED, LetterRow
from streams.store.schema import DONE, FAILED
from tests.support.letters import row

DUE_US = to_us(datetime(2026, 11, 25, 8, 30, tzinfo=UTC))
FAILED_ONCE = row(1)
ID = FAILED_ONCE.letter.id


def entry(action: str, status: int = DONE) -> LedgerRow:
    return LedgerRow(
        b"1" * 16, action, 1, "r", "lead-1", None, status, 0, 1, None, None, None, None, 0, DUE_US
    )


def predicted(
    verdict: PredictedVerdict,
    action: str = "validate-lead",
    **fields: Any,  # noqa: ANN401 - fields of a prediction
) -> Prediction:
    return Prediction(ID, "lead-1", action, 1, verdict, **fields)


def test_a_letter_that_failed_once_has_its_action_place_and_status() -> None:
    assert list(what_happened(FAILED_ONCE)) == [
        "validate-lead (version 1) failed on 2026-11-23 at 12:00:00Z: It failed.",
        "The record about lead lead-1 was first consumed at crm.leads.received.v1/0/1; build 1.0 failed.",
        "It waits for a person.",
    ]


def test_attempts_replays_edits_and_a_claim_are_counted() -> None:
    worse = row(1, generation=2, delivery_count=3, edit_number=2, message="no answer", lead=None)

    assert list(what_happened(replace(worse, job="job-1"))) == [
        "validate-lead (version 1) failed after 3 attempts on 2026-11-23 at 12:00:00Z: no answer.",
        "It was replayed 2 times and failed again each time; it failed first on 2026-11-23 at 12:00:00Z.",
        "The record was first consumed at crm.leads.received.v1/0/1; build 1.0 failed.",
        "People have edited the record 2 times in all; the value that failed first is kept.",
        "It waits for a person. Replay job job-1 has claimed it.",
    ]


@pytest.mark.parametrize(
    ("letter", "sentence"),
    [
        (
            replace(FAILED_ONCE, status="scheduled", due_at=DUE_US),
            "Workers retry it automatically on 2026-11-25 at 08:30:00Z.",
        ),
        (replace(FAILED_ONCE, status=REPLAYING), "A replay was requested and has no outcome yet."),
        (
            replace(FAILED_ONCE, status=RESOLVED, resolution="resolved"),
            "It is done: its action has succeeded.",
        ),
        (replace(FAILED_ONCE, status=RESOLVED, resolution="noop"), "It is done: it had been done before."),
        (
            replace(FAILED_ONCE, status=DISCARDED),
            "A person discarded it; `leads dead-letters restore` parks it again.",
        ),
    ],
)
def test_the_last_sentence_is_its_status(letter: LetterRow, sentence: str) -> None:
    assert list(what_happened(letter))[-1] == sentence


def test_only_steps_that_succeeded_are_committed() -> None:
    rows = [entry("validate-lead"), entry("send-welcome-email", FAILED)]

    assert list(what_is_done(rows)) == [
        "Committed for this lead, so a replay does not repeat it: validate-lead (2026-11-25 at 08:30:00Z)."
    ]
    assert list(what_is_done(rows[1:])) == ["Nothing else is committed for this lead."]


@pytest.mark.parametrize(
    ("prediction", "sentence"),
    [
        (predicted("noop"), "A replay would do nothing: it was done meanwhile."),
        (predicted("gone", message="it is erased"), "It cannot be replayed: it is erased."),
        (
            predicted("cannot-say", message="it awaits Scoring.score"),
            "Only a real run can show what a replay would do: it awaits Scoring.score.",
        ),
        (
            predicted("unreadable", code="NOT_JSON", message="the value is not JSON"),
            "A replay would fail again with NOT_JSON: the value is not JSON.",
        ),
    ],
)
def test_a_replay_that_would_not_succeed_is_one_sentence(prediction: Prediction, sentence: str) -> None:
    assert list(what_would_come(prediction)) == [sentence]


def test_a_replay_that_would_succeed_names_changes_owner_calls_and_downstream_steps() -> None:
    call = OutsideCall("Mailer", "welcome:k", "goes-out")
    held = OutsideCall("", "notify:k", "held", "it went out already")
    following = [
        predicted(
            "would-resolve",
            action="assign-owner",
            event="crm.lead.assigned.v1",
            owner="ada",
            is_new_owner=True,
        ),
        predicted("would-fail", action="find-duplicates", code="DEFECT", message="KeyError"),
        predicted(
            "would-resolve",
            action="notify-owner",
            event="crm.owner.notified.v1",
            outcome="skipped",
            calls=[held],
        ),
    ]
    prediction = predicted(
        "would-resolve",
        event="crm.lead.validated.v1",
        changes=[FieldChange("email", None, "ada@b.example")],
        calls=[call],
        needs=["mail"],
        following=following,
        late="send-welcome-email",
    )

    assert list(what_would_come(prediction)) == [
        "A replay would succeed and publish crm.lead.validated.v1.",
        "It would change these contact fields: email.",
        "That needs mail to answer; a preview does not check that.",
        "Mailer would be called (welcome:k).",
        "Then assign-owner would publish crm.lead.assigned.v1.",
        "The contact would get an owner: ada, whose turn it is.",
        "Then find-duplicates would fail with DEFECT: KeyError.",
        "Then notify-owner would publish crm.owner.notified.v1 (skipped).",
        "The call notify:k would not go out: it went out already.",
        "send-welcome-email would follow late: a job replays this letter only by a plan with --stale run.",
    ]
