"""Finds what is done according to one side and unknown to the other."""

from __future__ import annotations

from collections.abc import Iterator

from streams.operations.verify.contract import DONE
from streams.operations.verify.findings import Fault, Finding
from streams.operations.verify.lost import SLACK_MS
from streams.operations.verify.scratch import as_uuid
from streams.operations.verify.snapshot import PENDING, Snapshot

_OTHER_DATABASE = (
    "See whether LEADS_DATABASE is the one that the workers use, and whether it was restored from a back-up; "
    "if neither, keep both sides and report it."
)
NOT_IN_LEDGER = Fault(
    "inconsistent",
    "a result event that the ledger does not have",
    "The topic has an action's result and the database does not: the record may be acted on again.",
    _OTHER_DATABASE,
)
OTHER_RESULT = Fault(
    "inconsistent",
    "the ledger has another result than the topic",
    "Readers of the topic and the database disagree about what happened.",
    _OTHER_DATABASE,
)
NO_CAUSE = Fault(
    "inconsistent",
    "a result event of no record there is",
    "The event that it should follow from is not on its topic.",
    "See who else may write to the topic; `leads topics export` says which topics are ours.",
)
ROW_OF_NOTHING = Fault(
    "inconsistent",
    "a ledger row of no record there is",
    "The database has an action as done for a record that is not on its topic.",
    "See whether LEADS_PREFIX and LEADS_DATABASE belong together, and whether topics were deleted or made again.",
)
NO_RESULT = Fault(
    "inconsistent",
    "done by the ledger, but no result event",
    "The change is in the database and its record is acknowledged, but there is no event: what follows did not happen.",
    "Publish the lead that began the run once more under its ce_source and ce_id: the ledger states the result again.",
)
NO_LETTER = Fault(
    "inconsistent",
    "failed by the ledger, but no letter",
    "The action gave the record up and the record is not among the dead letters.",
    "Publish the lead that began the run once more under its ce_source and ce_id: the ledger writes the letter again.",
)
NOT_INDEXED = Fault(
    "inconsistent",
    "a letter that is not in the index",
    "The letter is on its topic, but `leads dead-letters` does not list it and no retry will come.",
    "Look in the workers' logs for `cannot be indexed`; then reset the group's offset of that topic to before it.",
)
RESULT_AND_LETTER = Fault(
    "inconsistent",
    "a result, and an open letter",
    "The action was done and its letter still waits.",
    "Replay the letter with `leads dead-letters replay`: the ledger answers noop and closes it.",
)


def inconsistent(snapshot: Snapshot) -> Iterator[Finding]:
    """Return everything that one side lacks. Unread records may still complete it and are no finding."""
    yield from _results(snapshot)
    yield from _strays(snapshot)
    yield from _ledger(snapshot)
    yield from _letters(snapshot)


_RESULTS = """
SELECT r.event, r.n, l.status
FROM records r LEFT JOIN ledger l ON l.id = r.event
WHERE r.action IS NOT NULL AND (l.status IS NULL OR l.status <> :done OR l.result <> substr(r.bytes, 9, 8))
GROUP BY r.event
"""


def _results(snapshot: Snapshot) -> Iterator[Finding]:
    for event, record, status in snapshot.ask(_RESULTS):
        fault = OTHER_RESULT if status == DONE else NOT_IN_LEDGER
        yield Finding(fault, {"id": as_uuid(event), "record": snapshot.place_of(record)})


_STRAYS = """
SELECT s.event, s.n, s.action, s.is_derived, EXISTS (SELECT 1 FROM ledger l WHERE l.id = s.cause)
FROM stray s WHERE NOT EXISTS (SELECT 1 FROM asked a WHERE a.result = s.event) GROUP BY s.event
"""


def _strays(snapshot: Snapshot) -> Iterator[Finding]:
    for event, record, action, is_derived, is_cause_known in snapshot.ask(_STRAYS):
        if snapshot.is_cut(action) and is_derived != 0:
            # Retention took records of that topic. An id that follows from one the ledger knows is as good as a record.
            if not is_cause_known:
                snapshot.unjudged["results whose cause retention may have taken"] += 1
            continue
        yield Finding(NO_CAUSE, {"id": as_uuid(event), "record": snapshot.place_of(record)})


_ROWS = f"""
SELECT l.id, l.action, l.status, l.done_at / 1000,
    EXISTS (SELECT 1 FROM steps s WHERE s.result = l.id) OR EXISTS (SELECT 1 FROM asked a WHERE a.result = l.id),
    {PENDING.format(id="l.id")},
    EXISTS (SELECT 1 FROM letter e WHERE e.result = l.id AND e.code <> 'ID_REUSED')
FROM ledger l WHERE NOT EXISTS (SELECT 1 FROM records r WHERE r.event = l.id AND r.action IS NOT NULL)
"""  # noqa: S608 - texts of ours


def _ledger(snapshot: Snapshot) -> Iterator[Finding]:
    for ledger_id, action, status, done_ms, has_step, is_pending, has_letter in snapshot.ask(_ROWS):
        ids = {"id": as_uuid(ledger_id), "action": snapshot.name(action)}
        if is_pending or (status != DONE and has_letter):
            continue  # committed and not yet acknowledged: it will be stated (again)
        if not has_step:
            if action is None or snapshot.is_cut(action):
                snapshot.unjudged["ledger rows whose record retention may have taken"] += 1
            else:
                yield Finding(ROW_OF_NOTHING, ids)
        elif (head := snapshot.result_head(action)) and done_ms < head + SLACK_MS:
            snapshot.unjudged["ledger rows whose result or letter retention may have taken"] += 1
        else:
            yield Finding(NO_RESULT if status == DONE else NO_LETTER, ids)


_UNINDEXED = """
SELECT l.id, l.place FROM letter l JOIN records r ON r.n = l.record
    JOIN spans p ON p.topic = r.topic AND p.part = r.part
WHERE l.status = 'unindexed' AND r.off < p.settled
"""
_OPEN_AND_DONE = """
SELECT l.id, l.place FROM letter l
    JOIN records r ON r.topic = l.topic AND r.part = l.part AND r.off = l.off
    JOIN steps s ON s.record = r.n AND s.action = l.action
WHERE l.status IN ('scheduled', 'parked', 'replaying', 'unindexed') AND l.code <> 'ID_REUSED'
    AND EXISTS (SELECT 1 FROM records x WHERE x.event = s.result AND x.action IS NOT NULL)
"""


def _letters(snapshot: Snapshot) -> Iterator[Finding]:
    for fault, statement in ((NOT_INDEXED, _UNINDEXED), (RESULT_AND_LETTER, _OPEN_AND_DONE)):
        for letter, place in snapshot.ask(statement):
            yield Finding(fault, {"letter": letter, "record": place})
