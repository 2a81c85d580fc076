"""Finds what is misplaced: wrong topic, key, partition, cause, run or position."""

from __future__ import annotations

from collections.abc import Iterator

from streams.operations.verify.findings import Fault, Finding
from streams.operations.verify.intake import NO_LETTER, NOT_OF_THIS_TOPIC, WRONG_KEY, WRONG_PARTITION
from streams.operations.verify.scratch import as_uuid
from streams.operations.verify.snapshot import Snapshot

_WRITER = "See who else may write to this topic; only the workers may."
FAULTS = {
    NOT_OF_THIS_TOPIC: Fault(
        "misplaced",
        NOT_OF_THIS_TOPIC,
        "Its ce_type, ce_source or ce_id is not that of what the workers state here. Workers dead-letter it.",
        _WRITER,
    ),
    WRONG_KEY: Fault(
        "misplaced",
        WRONG_KEY,
        "What is about one contact is read in order only while it has one key.",
        _WRITER,
    ),
    WRONG_PARTITION: Fault(
        "misplaced",
        WRONG_PARTITION,
        "What is about one contact is read in order only while it stands on one partition.",
        "See whether partitions were added in place (`leads topics plan`): keys move then. Else see who writes here.",
    ),
    NO_LETTER: Fault(
        "misplaced", NO_LETTER, "It lacks the headers of a letter; the workers skip it.", _WRITER
    ),
}
WRONG_CAUSE = Fault(
    "misplaced",
    "a result with another ce_causationid than its event's",
    "Whoever follows the causes of a run takes a wrong turn here.",
    _WRITER,
)
WRONG_RUN = Fault(
    "misplaced",
    "a result with another ce_correlationid than its event's",
    "It counts for a run that it does not belong to, and its own run looks unfinished.",
    _WRITER,
)
WRONG_POSITION = Fault(
    "misplaced",
    "a result with another ce_position than its event's",
    "Whoever published the lead and waits for the result at its position waits for ever, or gets another lead's.",
    _WRITER,
)

_MISPLACED = "SELECT what, record FROM misplaced"
# A repetition has another place: of several events that lead to a result, one must fit.
_CHAIN = """
SELECT r.n, r.event, max(c.event = r.cause), max(c.run = r.run), max(c.origin = r.origin)
FROM records r JOIN steps s ON s.result = r.event JOIN records c ON c.n = s.record
WHERE r.action IS NOT NULL GROUP BY r.n
HAVING NOT (max(c.event = r.cause) AND max(c.run = r.run) AND max(c.origin = r.origin))
"""


def misplaced(snapshot: Snapshot) -> Iterator[Finding]:
    """Return records that stand or point where they should not."""
    for what, record in snapshot.ask(_MISPLACED):
        yield Finding(FAULTS[what], {"record": snapshot.place_of(record)})
    for record, event, is_cause, is_run, is_origin in snapshot.ask(_CHAIN):
        for fault, is_right in ((WRONG_CAUSE, is_cause), (WRONG_RUN, is_run), (WRONG_POSITION, is_origin)):
            if not is_right:
                yield Finding(fault, {"record": snapshot.place_of(record), "id": as_uuid(event)})
