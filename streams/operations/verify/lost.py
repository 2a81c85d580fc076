"""Finds losses: records that were acknowledged and left neither a result nor a letter."""

from __future__ import annotations

from collections.abc import Iterator

from streams.operations.verify.findings import Fault, Finding
from streams.operations.verify.scratch import as_uuid
from streams.operations.verify.snapshot import LETTER_OF, Snapshot

LOST = Fault(
    "lost",
    "an action left no result and no letter",
    "The workers acknowledged the record, so they will not read it again, and nothing came of it.",
    "Publish the lead that began the run once more under its ce_source and ce_id: what was done is recognised and what "
    "is missing is done. Then look in the workers' logs for what happened at the record's time.",
)
TOO_OLD = "records whose result retention may have taken, older than what the ledger remembers"
SLACK_MS = 60_000
"""Clocks of producers and brokers may differ by so much."""
_UNANSWERED = f"""
SELECT u.action, u.topic, u.part, u.off, u.ts, u.record, u.run, EXISTS (SELECT 1 FROM ledger WHERE id = u.result)
FROM undone u WHERE COALESCE({LETTER_OF.format(column="status", step="u")}, 'resolved') = 'resolved'
"""  # noqa: S608 - texts of ours


def lost(snapshot: Snapshot) -> Iterator[Finding]:
    """Return the steps of acknowledged records without result or letter; a resolved letter has a result."""
    scratch = snapshot.scratch
    remembers_from = scratch.count("SELECT min(done_at) FROM ledger") // 1000
    now = snapshot.look.at_ms
    scratch.run("DROP TABLE IF EXISTS lost")
    scratch.run("CREATE TABLE lost (record INTEGER PRIMARY KEY)")
    gone: list[tuple[int]] = []
    for action, topic, part, off, ts, record, run, is_known in snapshot.ask(_UNANSWERED):
        head = snapshot.result_head(action)
        if head and (ts < head + SLACK_MS or ts > now + SLACK_MS):
            # The result may have been there. The ledger remembers longer and knows, if it reaches that far.
            if is_known:
                continue
            if not remembers_from <= ts <= now + SLACK_MS:
                snapshot.unjudged[TOO_OLD] += 1
                continue
        gone.append((record,))
        ids = {"record": snapshot.place(topic, part, off), "action": snapshot.name(action)}
        yield Finding(LOST, ids if run is None else {**ids, "run": as_uuid(run)})
    scratch.insert("lost", gone)
