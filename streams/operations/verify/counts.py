"""This file counts what was seen: records, results, letters, and the fate of each received lead."""

from __future__ import annotations

from typing import Any

from streams.operations.verify.contract import CONSUMED, RESULTS, TOPICS
from streams.operations.verify.snapshot import Snapshot

_OPEN = "status IN ('scheduled', 'parked', 'replaying', 'unindexed')"
# One fate per received record: their sum is what was received. Of several records of one event the first counts.
_FATES = f"""
WITH received AS (
    SELECT r.n, r.part, r.off, r.run, EXISTS (SELECT 1 FROM lost WHERE record = r.n) AS is_lost,
        EXISTS (SELECT 1 FROM letter l WHERE l.action = 0 AND l.topic = r.topic AND l.part = r.part AND l.off = r.off
            AND {_OPEN}) AS has_letter
    FROM records r WHERE r.topic = :received),
numbered AS (
    SELECT *, row_number() OVER (PARTITION BY run, is_lost OR has_letter ORDER BY part, off) AS nth FROM received)
SELECT CASE
    WHEN is_lost THEN 'lost'
    WHEN has_letter THEN 'letter'
    WHEN run IS NULL AND off >= (SELECT settled FROM spans WHERE topic = :received AND spans.part = numbered.part)
        THEN 'unread'
    WHEN run IS NULL THEN 'discarded'
    WHEN nth > 1 THEN 'repetition'
    WHEN run IN (SELECT r.run FROM lost JOIN records r ON r.n = lost.record) THEN 'lost'
    WHEN run IN (SELECT run FROM ends WHERE topic = :rejected) THEN 'rejected'
    WHEN run IN (SELECT run FROM ends WHERE topic = :welcomed)
        AND run IN (SELECT run FROM ends WHERE topic = :notified) THEN 'onboarded'
    WHEN run IN (SELECT run FROM letter WHERE run IS NOT NULL AND {_OPEN}) THEN 'letter'
    ELSE 'on its way' END AS fate, count(*)
FROM numbered GROUP BY fate
"""  # noqa: S608 - texts of ours
_RESULTS = """
SELECT topic, count(DISTINCT event), count(*) FROM records WHERE action IS NOT NULL GROUP BY topic
"""
_LETTERS = "SELECT code || ' ' || status, count(*) FROM letter GROUP BY 1"
_UNREAD = """
SELECT r.topic, count(*) FROM spans p JOIN records r ON r.topic = p.topic AND r.part = p.part AND r.off >= p.settled
GROUP BY r.topic
"""


def counts(snapshot: Snapshot) -> dict[str, Any]:
    """Count, after `lost` has judged."""
    scratch = snapshot.scratch
    results = {TOPICS[row[0]]: row[1:] for row in snapshot.ask(_RESULTS)}
    unread = {TOPICS[topic]: number for topic, number in snapshot.ask(_UNREAD)}
    return {
        "records": scratch.count("SELECT count(*) FROM records"),
        "received": scratch.count("SELECT count(*) FROM records WHERE topic = :received"),
        "fates": dict(snapshot.ask(_FATES)),
        "results": {topic: results.get(topic, (0, 0))[0] for topic in RESULTS},
        "results_with_copies": {topic: results.get(topic, (0, 0))[1] for topic in RESULTS},
        "letters": dict(snapshot.ask(_LETTERS)),
        "unread": {topic: unread[topic] for topic in CONSUMED if topic in unread},
        "ledger": scratch.count("SELECT count(*) FROM ledger"),
        "contacts": scratch.count("SELECT count(*) FROM contacts"),
        "mails": scratch.count("SELECT count(*) FROM mails") if snapshot.has_mails else None,
        "webhooks": scratch.count("SELECT count(DISTINCT id) FROM hooks") if snapshot.has_webhooks else None,
    }
