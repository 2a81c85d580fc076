"""Prepares the scratch database: newest letters, deleted records, unfinished work, the effect of each call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from streams.operations.verify.contract import LETTERS, Contract
from streams.operations.verify.evidence import Look
from streams.operations.verify.scratch import Scratch, as_uuid

_LETTER = """
CREATE TABLE letter AS
SELECT l.*, COALESCE(i.status, 'unindexed') AS status, i.bytes AS indexed_bytes
FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY generation DESC, edits DESC, record DESC) AS newest
    FROM letters) l
LEFT JOIN indexed i ON i.id = l.id AND i.generation >= l.generation
WHERE newest = 1
"""
_UNDONE = """
CREATE TABLE undone AS
SELECT s.result, s.action, s.record, r.topic, r.part, r.off, r.ts, r.run
FROM steps s JOIN records r ON r.n = s.record JOIN spans p ON p.topic = r.topic AND p.part = r.part
WHERE r.off < p.settled
    AND NOT EXISTS (SELECT 1 FROM records x WHERE x.event = s.result AND x.action IS NOT NULL)
"""
_STRAY = """
CREATE TABLE stray AS
SELECT * FROM records r WHERE action IS NOT NULL AND NOT EXISTS (SELECT 1 FROM steps s WHERE s.result = r.event)
"""
_HEADS = """
UPDATE spans SET head_ts = CASE WHEN start = 0 THEN 0 ELSE COALESCE(
    (SELECT r.ts FROM records r WHERE r.topic = spans.topic AND r.part = spans.part ORDER BY off LIMIT 1), :now) END
"""
# The other side's ids follow from the effect's key, so that also a call without an outcome is known by its id there.
_CALLS_OF = """
CREATE TABLE {calls}_of AS
SELECT c.{id} AS reference, p.effect, NULL AS ledger, NULL AS status, NULL AS changed_at
FROM {calls} c JOIN proofs p ON p.reference = c.{id}
UNION
SELECT c.{id}, e.name, e.ledger, e.status, e.changed_at
FROM effects e CROSS JOIN {calls} c ON c.id = {own}(e.key) WHERE :is_read
"""
PENDING = """
EXISTS (SELECT 1 FROM steps s JOIN records r ON r.n = s.record JOIN spans p ON p.topic = r.topic AND p.part = r.part
    WHERE s.result = {id} AND r.off >= p.settled)
"""
"""SQL: whether a record that leads to this result is still unread, so that a copy of it may be under way."""
LETTER_OF = """
COALESCE(
    (SELECT l.{column} FROM letter l
        WHERE l.action = {step}.action AND l.topic = {step}.topic AND l.part = {step}.part AND l.off = {step}.off),
    (SELECT l.{column} FROM letter l WHERE l.result = {step}.result AND l.code <> 'ID_REUSED'))
"""
"""SQL: a column of the letter that a step ended in: its own, else that of the record it is a copy of."""


@dataclass(frozen=True, slots=True)
class Ages:
    """From when on something that waits counts as stuck."""

    unsettled: timedelta = timedelta(minutes=10)
    """Of a record that the group has not settled."""
    overdue: timedelta = timedelta(minutes=10)
    """Of a letter's due time."""
    intent: timedelta = timedelta(minutes=10)
    """Reference of a call that was started."""
    standing: timedelta = timedelta(minutes=1)
    """Of a record that waits where the group's offset does not move."""


@dataclass(slots=True)
class Snapshot:
    """The prepared scratch database, and what judging it needs."""

    scratch: Scratch
    look: Look
    prefix: str
    ages: Ages = field(default_factory=Ages)
    has_mails: bool = True
    """Whether the mail server's own record was read."""
    has_webhooks: bool = True
    before: Look | None = None
    """An earlier look, a moment ago."""
    received_from: Mapping[int, int] | None = None
    """By partition: the first received lead whose fate is counted; None counts all."""
    heads: dict[str, int] = field(default_factory=dict)
    """Per topic: retention may have deleted records older than this (ms); 0 where it deleted none."""
    unjudged: Counter[str] = field(default_factory=Counter)
    """What could not be judged, in words, with counts."""

    @property
    def contract(self) -> Contract:
        """The contract to judge by."""
        return self.scratch.contract

    def order(self) -> None:
        """Build the tables that all checks need; again after further reading."""
        scratch, topics = self.scratch, self.contract.topics
        scratch.clear("spans")
        scratch.insert(
            "spans",
            [
                (topics.index(topic), part, span.start, span.end, span.settled, 0)
                for (topic, part), span in self.look.spans.items()
            ],
        )
        scratch.index()
        scratch.run(_HEADS, now=self.look.at_ms)
        self.heads = {
            topics[row[0]]: row[1]
            for row in scratch.ask("SELECT topic, max(head_ts) FROM spans GROUP BY topic")
        }
        for table, statement in (("letter", _LETTER), ("undone", _UNDONE), ("stray", _STRAY)):
            scratch.run(f"DROP TABLE IF EXISTS {table}")
            scratch.run(statement)
        scratch.run("CREATE INDEX letter_place ON letter (topic, part, off, action)")
        scratch.run("CREATE INDEX letter_result ON letter (result)")
        scratch.run("CREATE INDEX stray_cause ON stray (action, cause, run)")
        scratch.run("CREATE INDEX letter_id ON letter (id)")
        for calls, id_, own, is_read in (
            ("mails", "message_id", "mail_id_of", self.has_mails),
            ("hooks", "webhook_id", "hook_id_of", self.has_webhooks),
        ):
            scratch.run(f"DROP TABLE IF EXISTS {calls}_of")
            scratch.run(_CALLS_OF.format(calls=calls, id=id_, own=own), is_read=is_read)
            scratch.run(f"CREATE INDEX {calls}_of_reference ON {calls}_of (reference)")

    def result_head(self, action: int | None) -> int:
        """Return the moment (ms) before which retention may have taken a result or a letter of this action."""
        topics = (LETTERS,) if action is None else (*self.contract.actions[action].emits, LETTERS)
        return max(self.heads.get(topic, 0) for topic in topics)

    def is_cut(self, action: int | None) -> bool:
        """Return whether retention took records that this action read."""
        return action is not None and self.heads.get(self.contract.actions[action].reads, 0) > 0

    def name(self, action: int | None) -> str | None:
        """Return the name of an action by its number."""
        return None if action is None else self.contract.names[action]

    def place(self, topic: int, partition: int, offset: int) -> str:
        """Return `topic/partition/offset`, topic with its prefix."""
        return f"{self.prefix}{self.contract.topics[topic]}/{partition}/{offset}"

    def place_of(self, record: int) -> str:
        """Return the place of a record by its number."""
        for row in self.scratch.ask("SELECT topic, part, off FROM records WHERE n = :n", n=record):
            return self.place(*row)
        return "unknown"

    def places(self, event: bytes) -> list[str]:
        """Return the places of all copies of a result."""
        rows = self.scratch.ask(
            "SELECT topic, part, off FROM records WHERE event = :id AND action IS NOT NULL", id=event
        )
        return sorted(self.place(*row) for row in rows)

    def ask(self, statement: str, **values: object) -> Iterator[tuple[Any, ...]]:
        """Return the rows of a SELECT as they are found."""
        return iter(self.scratch.ask(statement, **values))


def texts(*ids: bytes) -> list[str]:
    """Return ids of ours as text, in order."""
    return sorted(as_uuid(each) for each in ids)
