"""Describes a dead letter in sentences: what happened, what is committed, and what a replay would do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.clock import from_us
from streams.dead_letters.prediction import OutsideCall, Prediction
from streams.store.ledger import LedgerRow
from streams.store.letters import (
    DISCARDED,
    ERASED,
    EXPIRED,
    PARKED,
    REPLAYING,
    RESOLVED,
    SCHEDULED,
    LetterRow,
)


def what_happened(row: LetterRow) -> Iterator[str]:
    """Yield what failed, how often, and the status of the letter."""
    letter = row.letter
    attempts = "" if letter.delivery_count == 1 else f" after {letter.delivery_count} attempts"
    action = f"{letter.action} (version {letter.action_version})"
    yield f"{action} failed{attempts} on {_day(letter.time)}: {_sentence(letter.message)}"
    if letter.generation:
        times = "once" if letter.generation == 1 else f"{letter.generation} times"
        yield f"It was replayed {times} and failed again each time; it failed first on {_day(letter.first_time)}."
    lead = "" if row.lead_id is None else f" about lead {row.lead_id}"
    place = f"{letter.topic}/{letter.partition}/{letter.offset}"
    yield f"The record{lead} was first consumed at {place}; build {letter.app_version} failed."
    if letter.edit_number is not None:
        times = "once" if letter.edit_number == 1 else f"{letter.edit_number} times in all"
        yield f"People have edited the record {times}; the value that failed first is kept."
    yield _status(row)


def _status(row: LetterRow) -> str:
    due = "" if row.due_at is None else f" on {_day(from_us(row.due_at).isoformat())}"
    claimed = "" if row.job is None else f" Replay job {row.job} has claimed it."
    sentences = {
        SCHEDULED: f"Workers retry it automatically{due}.",
        PARKED: "It waits for a person.",
        REPLAYING: "A replay was requested and has no outcome yet.",
        RESOLVED: "It is done: "
        + ("its action has succeeded." if row.resolution == "resolved" else "it had been done before."),
        DISCARDED: "A person discarded it; `leads dead-letters restore` parks it again.",
        EXPIRED: "It is lost: retention deleted its record before anybody decided about it.",
        ERASED: "A person had its record erased.",
    }
    return sentences[row.status] + claimed


def what_is_done(rows: Sequence[LedgerRow]) -> Iterator[str]:
    """Yield the steps that are committed for the lead; a replay does not repeat them."""
    done = [row for row in rows if row.is_done]
    if not done:
        yield "Nothing else is committed for this lead."
        return
    steps = ", ".join(f"{row.action} ({_day(from_us(row.done_at).isoformat())})" for row in done)
    yield f"Committed for this lead, so a replay does not repeat it: {steps}."


def what_would_come(prediction: Prediction) -> Iterator[str]:
    """Yield what a replay would do now."""
    if prediction.verdict == "noop":
        yield "A replay would do nothing: it was done meanwhile."
    elif prediction.verdict == "gone":
        yield f"It cannot be replayed: {_sentence(prediction.message or '')}"
    elif prediction.verdict == "cannot-say":
        yield f"Only a real run can show what a replay would do: {_sentence(prediction.message or '')}"
    elif prediction.verdict != "would-resolve":
        yield f"A replay would fail again with {prediction.code}: {_sentence(prediction.message or '')}"
    else:
        yield f"A replay would succeed and publish {_event(prediction)}."
        yield from _effects(prediction)
        for step in prediction.following:
            yield _then(step)
            yield from _effects(step)
        if prediction.late is not None:
            yield f"{prediction.late} would follow late: a job replays this letter only by a plan with --stale run."
        return
    for call in prediction.calls:
        yield _call(call)


def _then(step: Prediction) -> str:
    outcomes = {
        "would-resolve": f"would publish {_event(step)}",
        "noop": "would follow, and has been done already",
        "cannot-say": "would follow; only a real run can show its result",
    }
    fails = f"would fail with {step.code}: {_sentence(step.message or '').removesuffix('.')}"
    return f"Then {step.action} {outcomes.get(step.verdict, fails)}."


def _event(prediction: Prediction) -> str:
    return f"{prediction.event}" + ("" if prediction.outcome is None else f" ({prediction.outcome})")


def _effects(prediction: Prediction) -> Iterator[str]:
    if prediction.changes:
        yield f"It would change these contact fields: {', '.join(change.field for change in prediction.changes)}."
    if prediction.owner is not None and prediction.is_new_owner:
        yield f"The contact would get an owner: {prediction.owner}, whose turn it is."
    if prediction.needs:
        yield f"That needs {' and '.join(prediction.needs)} to answer; a preview does not check that."
    for call in prediction.calls:
        yield _call(call)


def _call(call: OutsideCall) -> str:
    if call.state == "held":
        return f"The call {call.key} would not go out: {call.reason}."
    again = "" if call.reason is None else f" again: {call.reason}"
    return f"{call.port} would be called ({call.key}){again}."


def _day(moment: str) -> str:
    return f"{moment[:10]} at {moment[11:19]}Z"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
