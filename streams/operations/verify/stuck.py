"""Finds what is stuck: records that are not settled, retries that are not requested, calls that do not end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.operations.verify.findings import Fault, Finding
from streams.operations.verify.scratch import as_uuid
from streams.operations.verify.snapshot import PENDING, Snapshot

STANDING = Fault(
    "stuck",
    "lag that does not move",
    "Records wait and the group's offset did not move between two looks.",
    "See with `leads status` whether workers run and whether a step is paused; a worker that runs and settles nothing "
    "says why in its log.",
    is_of_two_looks=True,
)
UNSETTLED = Fault(
    "stuck",
    "a record that nobody has settled for long",
    "The oldest waiting record of this partition is older than --unsettled-after.",
    "If the offset moves, start more workers; if it does not, see `leads status` and the workers' logs.",
)
OVERDUE = Fault(
    "stuck",
    "a scheduled retry that is long overdue",
    "Every running worker asks for due retries each few seconds, and nobody asked for this one, or it was not heard.",
    "See whether a worker runs at all, and whether its log says that a timer waits.",
)
NEVER_DUE = Fault(
    "stuck",
    "a scheduled retry without a due time",
    "No worker will ever ask for it.",
    "Ask for it yourself with `leads dead-letters replay`.",
)
CUT_OFF = Fault(
    "stuck",
    "a call that was begun long ago and not ended",
    "A worker wrote down that it is about to call, and neither the call's outcome nor a letter followed.",
    "See whether the worker hangs; when it ends, the next one writes a letter UNCERTAIN or repeats the call.",
)

_LAG = """
SELECT p.topic, p.part, p.settled, count(*), min(r.off), min(r.ts)
FROM spans p JOIN records r ON r.topic = p.topic AND r.part = p.part AND r.off >= p.settled
WHERE p.topic IN (SELECT value FROM json_each(:consumed)) GROUP BY p.topic, p.part
"""
_DUE = """
SELECT id, action, due_at FROM indexed
WHERE status IN ('scheduled', 'replaying') AND (due_at IS NULL OR due_at < :before)
"""
_INTENTS = f"""
SELECT name, ledger, changed_at FROM effects
WHERE status = :intent AND changed_at < :before AND {PENDING.format(id="effects.ledger")}
"""  # noqa: S608 - texts of ours


def stuck(snapshot: Snapshot) -> Iterator[Finding]:
    """Return everything that waits for too long."""
    yield from _lag(snapshot)
    now_us = snapshot.look.at_ms * 1000
    for letter, action, due_at in snapshot.ask(_DUE, before=now_us - _us(snapshot.ages.overdue)):
        name = snapshot.name(action)
        if due_at is None:
            yield Finding(NEVER_DUE, {"letter": letter, "action": name})
        else:
            yield Finding(OVERDUE, {"letter": letter, "action": name, "due": _time(due_at)})
    for name, ledger_id, changed_at in snapshot.ask(_INTENTS, before=now_us - _us(snapshot.ages.intent)):
        ids = {"call": name, "result": as_uuid(ledger_id), "since": _time(changed_at)}
        yield Finding(CUT_OFF, ids)


def has_old_lag(snapshot: Snapshot) -> bool:
    """Whether a record waits for so long that a second look should check whether the offset moves."""
    least = snapshot.look.at_ms - _us(snapshot.ages.standing) // 1000
    return any(oldest <= least for *_, oldest in _waiting(snapshot))


def _waiting(snapshot: Snapshot) -> Iterator[tuple[Any, ...]]:
    contract = snapshot.contract
    consumed = [contract.topics.index(topic) for topic in contract.consumed]
    return snapshot.ask(_LAG, consumed=json.dumps(consumed))


def _lag(snapshot: Snapshot) -> Iterator[Finding]:
    now, topics = snapshot.look.at_ms, snapshot.contract.topics
    for topic, part, settled, waiting, first, oldest in _waiting(snapshot):
        before = None if snapshot.before is None else snapshot.before.spans.get((topics[topic], part))
        is_standing = before is not None and before.settled == settled and before.end > settled
        details = {"waiting": waiting, "oldest": _time(oldest * 1000)}
        ids = {"partition": f"{snapshot.prefix}{topics[topic]}/{part}"}
        if is_standing and now - oldest >= _us(snapshot.ages.standing) // 1000:
            yield Finding(STANDING, ids, {"record": snapshot.place(topic, part, first), **details})
        elif now - oldest >= _us(snapshot.ages.unsettled) // 1000:
            yield Finding(UNSETTLED, ids, {"record": snapshot.place(topic, part, first), **details})


def _us(age: timedelta) -> int:
    return int(age.total_seconds() * 1_000_000)


def _time(moment_us: int) -> str:
    """Return RFC 3339 text, or the number when it is not a valid moment."""
    try:
        return (
            datetime.fromtimestamp(moment_us / 1e6, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        )
    except (ValueError, OverflowError, OSError):
        return f"{moment_us} µs"
