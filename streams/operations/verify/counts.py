"""Counts records, results, letters, and the fate of each received lead."""

from __future__ import annotations

from collections import Counter
from typing import Any

from streams.operations.verify.contract import Contract, Ending
from streams.operations.verify.snapshot import Snapshot

_OPEN = "status IN ('scheduled', 'parked', 'replaying', 'unindexed')"
# One fate per received record, so that they add up. Of several records of one event the first counts.
_FATES = f"""
WITH received AS (
    SELECT r.n, r.part, r.off, r.run, EXISTS (SELECT 1 FROM lost WHERE record = r.n) AS is_lost,
        EXISTS (SELECT 1 FROM letter l WHERE l.topic = r.topic AND l.part = r.part AND l.off = r.off
            AND {_OPEN}) AS has_letter
    FROM records r WHERE r.topic = :received),
numbered AS (
    SELECT *, row_number() OVER (PARTITION BY run, is_lost OR has_letter ORDER BY part, off) AS nth FROM received)
SELECT fate, is_repetition, count(*) FROM (SELECT CASE
    WHEN is_lost THEN 'lost'
    WHEN has_letter THEN 'letter'
    WHEN run IS NULL AND off >= (SELECT settled FROM spans WHERE topic = :received AND spans.part = n.part)
        THEN 'unread'
    WHEN run IS NULL THEN 'discarded'
    WHEN run IN (SELECT r.run FROM lost JOIN records r ON r.n = lost.record) THEN 'lost'
    {{endings}}
    WHEN run IN (SELECT run FROM letter WHERE run IS NOT NULL AND {_OPEN}) THEN 'letter'
    ELSE 'on its way' END AS fate, nth > 1 AND run IS NOT NULL AND NOT (is_lost OR has_letter) AS is_repetition
FROM numbered n JOIN counted c ON c.part = n.part AND n.off >= c.first) GROUP BY fate, is_repetition
"""  # noqa: S608 - texts of ours
_RESULTS = """
SELECT topic, count(DISTINCT event), count(*) FROM records WHERE action IS NOT NULL GROUP BY topic
"""
_RECEIVED = """
SELECT count(*) FROM records r JOIN counted c ON c.part = r.part AND r.off >= c.first WHERE r.topic = :received
"""
_LETTERS = "SELECT code || ' ' || status, count(*) FROM letter GROUP BY 1"
_UNREAD = """
SELECT r.topic, count(*) FROM spans p JOIN records r ON r.topic = p.topic AND r.part = p.part AND r.off >= p.settled
GROUP BY r.topic
"""


def counts(snapshot: Snapshot) -> dict[str, Any]:
    """Return the counts, after `lost` has judged."""
    scratch, contract = snapshot.scratch, snapshot.contract
    results = {contract.topics[row[0]]: row[1:] for row in snapshot.ask(_RESULTS)}
    unread = {contract.topics[topic]: number for topic, number in snapshot.ask(_UNREAD)}
    _choose_received(snapshot)
    fates: Counter[str] = Counter()
    repetitions: dict[str, int] = {}
    endings = "\n    ".join(_when(contract, ending) for ending in contract.endings)
    for fate, is_repetition, number in snapshot.ask(_FATES.format(endings=endings)):
        fates["repetition" if is_repetition else fate] += number
        if is_repetition:
            repetitions[fate] = number
    return {
        "records": scratch.count("SELECT count(*) FROM records"),
        "received": scratch.count(_RECEIVED),
        "fates": dict(fates),
        "repetitions": repetitions,
        "results": {topic: results.get(topic, (0, 0))[0] for topic in contract.results},
        "results_with_copies": {topic: results.get(topic, (0, 0))[1] for topic in contract.results},
        "letters": dict(snapshot.ask(_LETTERS)),
        "unread": {topic: unread[topic] for topic in contract.consumed if topic in unread},
        "ledger": scratch.count("SELECT count(*) FROM ledger"),
        "contacts": scratch.count("SELECT count(*) FROM contacts"),
        "mails": scratch.count("SELECT count(*) FROM mails") if snapshot.has_mails else None,
        "webhooks": scratch.count("SELECT count(DISTINCT webhook_id) FROM hooks")
        if snapshot.has_webhooks
        else None,
    }


def _when(contract: Contract, ending: Ending) -> str:
    """Return the SQL of a run that has all results of an ending."""
    have = " AND ".join(
        "run IN (SELECT run FROM records WHERE "  # noqa: S608 - numbers of ours
        f"topic = {contract.topics.index(topic)} AND action = {contract.names.index(action)})"
        for action, topic in sorted(ending.results)
    )
    return f"WHEN {have} THEN '{'rejected' if ending.is_rejection else 'onboarded'}'"


def _choose_received(snapshot: Snapshot) -> None:
    """Fill `counted`: by partition, the first received lead whose fate is counted."""
    scratch = snapshot.scratch
    scratch.run("DROP TABLE IF EXISTS counted")
    scratch.run("CREATE TABLE counted (part INT PRIMARY KEY, first INT)")
    if snapshot.received_from is None:
        scratch.run("INSERT INTO counted SELECT part, 0 FROM spans WHERE topic = :received")
    else:
        scratch.insert("counted", list(snapshot.received_from.items()))
