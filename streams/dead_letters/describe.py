"""One dead letter in sentences: what happened, what is done already, and what a replay would do."""

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
    """Yield what failed, how often, and where the letter stands."""
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
        yield f"People have edited the record {times}; what it failed with first is kept."
    yield _standing(row)


def _standing(row: LetterRow) -> str:
    due = "" if row.due_at is None else f" on {_day(from_us(row.due_at).isoformat())}"
    held = "" if row.job is None else f" Replay job {row.job} has it in hand."
    sentences = {
        SCHEDULED: f"Workers try it again by themselves{due}.",
        PARKED: "It waits for a person.",
        REPLAYING: "It was asked for again and has no outcome yet.",
        RESOLVED: "It is done: "
        + ("its action has succeeded." if row.resolution == "resolved" else "it had been done before."),
        DISCARDED: "A person gave it up; `leads dead-letters restore` parks it again.",
        EXPIRED: "It is lost: nobody decided about it before retention took its record.",
        ERASED: "A person had its record erased.",
    }
    return sentences[row.status] + held


def what_is_done(rows: Sequence[LedgerRow]) -> Iterator[str]:
    """Yield what is committed already for the lead: a replay does none of it again."""
    done = [row for row in rows if row.is_done]
    if not done:
        yield "Nothing else is committed for this lead."
        return
    steps = ", ".join(f"{row.action} ({_day(from_us(row.done_at).isoformat())})" for row in done)
    yield f"Committed for this lead, and not done again: {steps}."


def what_would_come(found: Prediction) -> Iterator[str]:
    """Yield what a replay would do now."""
    if found.verdict == "noop":
        yield "A replay would do nothing: it was done meanwhile."
    elif found.verdict == "gone":
        yield f"It cannot be replayed: {_sentence(found.message or '')}"
    elif found.verdict == "cannot-say":
        yield f"What a replay would do only a real run can tell: {_sentence(found.message or '')}"
    elif found.verdict != "would-resolve":
        yield f"A replay would fail again with {found.code}: {_sentence(found.message or '')}"
    else:
        yield f"A replay would succeed and state {_event(found)}."
        yield from _effects(found)
        for each in found.following:
            yield _then(each)
            yield from _effects(each)
        if found.late is not None:
            yield f"{found.late} would follow late: a job asks for this letter only by a plan with --stale run."
        return
    for call in found.calls:
        yield _call(call)


def _then(found: Prediction) -> str:
    outcomes = {
        "would-resolve": f"would state {_event(found)}",
        "noop": "would follow, and has been done already",
        "cannot-say": "would follow; what it comes to only a real run can tell",
    }
    fails = f"would fail with {found.code}: {_sentence(found.message or '').removesuffix('.')}"
    return f"Then {found.action} {outcomes.get(found.verdict, fails)}."


def _event(found: Prediction) -> str:
    return f"{found.event}" + ("" if found.outcome is None else f" ({found.outcome})")


def _effects(found: Prediction) -> Iterator[str]:
    if found.changes:
        yield f"It would change of the contact: {', '.join(change.field for change in found.changes)}."
    if found.owner is not None and found.is_new_owner:
        yield f"The contact would get an owner, by turn {found.owner}."
    if found.needs:
        yield f"That needs {' and '.join(found.needs)} to answer; whether it does is not asked here."
    for call in found.calls:
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
