"""This file puts the evidence in order: which result belongs to which record, which letters are open."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from tests.checker.evidence import (
    ACTIONS,
    LETTER,
    LETTERS,
    OPEN,
    RECEIVED,
    REQUESTS,
    RESULTS,
    Evidence,
    LedgerRow,
    LetterRow,
    Record,
    derive,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One record and one action that has to act on it."""

    record: Record
    action: str
    result_id: str | None
    """The result's `ce_id`; None when the record has no identity of its own."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter, newest generation: as on its topic, and as indexed."""

    record: Record
    id: str
    action: str
    code: str
    failure_class: str
    generation: int
    place: str
    """`topic/partition/offset` (topic without prefix) of the record that failed."""
    status: str
    """As indexed; `unindexed` when the index does not have this generation."""

    @property
    def is_open(self) -> bool:
        """Whether the lead waits here for a retry or a person."""
        return self.status in OPEN or self.status == "unindexed"


@dataclass(slots=True)
class Seen:
    """The evidence in order."""

    evidence: Evidence
    steps: list[Step] = field(default_factory=list)
    expected: dict[str, list[Step]] = field(default_factory=lambda: defaultdict(list))
    """Steps by the id of their result."""
    results: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    """Result records by `ce_id`."""
    ledger: dict[str, LedgerRow] = field(default_factory=dict)
    letters: dict[str, Letter] = field(default_factory=dict)
    by_place: dict[tuple[str, str], Letter] = field(default_factory=dict)
    """Letters by (action, place of the record that failed)."""
    by_identity: dict[tuple[str, str, str], Letter] = field(default_factory=dict)
    """Letters by (action, ce_source, ce_id), ID_REUSED excepted: that identity is another record's."""

    def letter_of(self, step: Step) -> Letter | None:
        """Give the letter that this step ended in."""
        letter = self.by_place.get((step.action, step.record.place))
        identity = step.record.identity(self.evidence.prefix)
        if letter is None and identity is not None:
            letter = self.by_identity.get((step.action, *identity))
        return letter

    def results_of(self, step: Step) -> list[Record]:
        """Give the results of this step, copies included."""
        return [] if step.result_id is None else self.results.get(step.result_id, [])

    def is_pending(self, result_id: str) -> bool:
        """Whether a record that leads to this result is still unread, so that a copy of it may be on its way."""
        return any(self.evidence.is_unread(step.record) for step in self.expected.get(result_id, ()))


def see(evidence: Evidence) -> Seen:
    """Put the evidence in order."""
    seen = Seen(evidence)
    for topic, actions in ACTIONS.items():
        for record in evidence.records.get(topic, []):
            if topic != RECEIVED and record.header("ce_workflow") is None:
                continue  # an action asked for alone: nothing follows it
            identity = record.identity(evidence.prefix)
            for action in actions:
                result_id = None if identity is None else derive(*identity, action, 1)
                step = Step(record, action, result_id)
                seen.steps.append(step)
                if result_id is not None:
                    seen.expected[result_id].append(step)
    for topic in RESULTS:
        for record in evidence.records.get(topic, []):
            seen.results[record.header("ce_id") or ""].append(record)
    seen.ledger = {row.id: row for row in evidence.ledger}
    _see_letters(seen)
    return seen


def _see_letters(seen: Seen) -> None:
    indexed = {row.id: row for row in seen.evidence.letters}
    for record in seen.evidence.records.get(LETTERS, []):
        letter = _letter(record, seen.evidence.prefix, indexed)
        before = seen.letters.get(letter.id)
        if before is not None and before.generation > letter.generation:
            continue
        seen.letters[letter.id] = letter
        seen.by_place[letter.action, letter.place] = letter
        identity = _original(record, letter).identity(seen.evidence.prefix)
        if identity is not None and letter.code != "ID_REUSED":
            seen.by_identity[(letter.action, *identity)] = letter


def _original(record: Record, letter: Letter) -> Record:
    topic, partition, offset = letter.place.rsplit("/", 2)
    return Record(topic, int(partition), int(offset), 0, record.key, record.value, record.original_headers)


def _letter(record: Record, prefix: str, indexed: dict[str, LetterRow]) -> Letter:
    def said(name: str) -> str:
        return record.header(LETTER + name) or ""

    generation = int(said("generation") or -1)
    row = indexed.get(said("id"))
    return Letter(
        record,
        said("id"),
        said("action"),
        said("code"),
        said("class"),
        generation,
        f"{said('topic').removeprefix(prefix)}/{said('partition')}/{said('offset')}",
        row.status if row is not None and row.generation >= generation else "unindexed",
    )


def unread(evidence: Evidence) -> dict[str, int]:
    """Number of records per topic that the group has yet to read."""
    found = {
        topic: sum(1 for record in evidence.records.get(topic, []) if evidence.is_unread(record))
        for topic in (*ACTIONS, REQUESTS, LETTERS)
    }
    return {topic: number for topic, number in found.items() if number}
