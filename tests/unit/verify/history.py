"""This file makes up a small history: one lead that was onboarded, one that became a dead letter; free to be spoilt."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from streams.operations.verify.contract import (
    ASSIGNED,
    CALLED,
    CONSUMED,
    DONE,
    FAILED,
    LETTER,
    LETTERS,
    MATCHED,
    NOTIFIED,
    READS,
    RECEIVED,
    STATES,
    TOPICS,
    TYPES,
    UPSERTED,
    VALIDATED,
    WELCOMED,
    WORKFLOW,
    Headers,
    derive,
)
from streams.operations.verify.evidence import (
    ContactRow,
    EffectRow,
    LedgerRow,
    LetterRow,
    Look,
    PartitionId,
    Record,
    Span,
)
from streams.operations.verify.rows import put_contacts, put_effects, put_ledger, put_letters
from streams.operations.verify.scratch import Scratch
from streams.operations.verify.tables import READ_ANEW

PREFIX, GROUP = "crm.", "leads"
NOW_MS = int(time.time() * 1000)
KEY, CONTACT, LEAD = "k" * 64, "contact-1", "lead-1"
LEAD_ID = ("/web", "e-1")
POISON_ID = ("/web", "e-2")
BODIES: dict[str, dict[str, object]] = {
    VALIDATED: {},
    MATCHED: {},
    UPSERTED: {"contact_id": CONTACT, "outcome": "created", "revision": 1},
    ASSIGNED: {"contact_id": CONTACT, "owner": {"id": "ada", "email": "ada@acme.example"}, "lead_id": LEAD},
    WELCOMED: {"contact_id": CONTACT, "outcome": "sent", "message_id": "<m-1@acme.example>"},
    NOTIFIED: {"contact_id": CONTACT, "outcome": "sent", "reference": "n-1"},
}


def received(identity: tuple[str, str], offset: int, value: bytes) -> Record:
    source, event_id = (each.encode() for each in identity)
    headers: Headers = [("ce_source", source), ("ce_id", event_id), ("content-type", b"application/json")]
    return Record(RECEIVED, 0, offset, NOW_MS, b"lead", value, headers)


def result_id(action: str) -> str:
    """Id of what this action states about the lead, from the chain of ids that leads there."""
    topic = READS[action]
    if topic == RECEIVED:
        return derive(*LEAD_ID, action, 1)
    before = next(name for name, states in STATES.items() if topic in states)
    return derive(f"/leads/{before}", result_id(before), action, 1)


def result(action: str) -> Record:
    topic, before = STATES[action][0], READS[action]
    cause = LEAD_ID[1]
    if before != RECEIVED:
        cause = result_id(next(name for name, states in STATES.items() if before in states))
    said = {
        "ce_source": f"/leads/{action}",
        "ce_id": result_id(action),
        "ce_type": TYPES[topic],
        "ce_correlationid": derive(*LEAD_ID),
        "ce_position": f"{PREFIX}{RECEIVED}/0/0",
        "ce_causationid": cause,
        "ce_workflow": WORKFLOW,
    }
    value = json.dumps({"contact_key": KEY, **BODIES[topic]}).encode()
    return Record(topic, 0, 0, NOW_MS, KEY.encode(), value, [(n, text.encode()) for n, text in said.items()])


def letter_of(record: Record) -> Record:
    place = (PREFIX + record.topic, record.partition, record.offset)
    said = {
        "id": derive(*place, GROUP, "validate-lead"),
        "topic": place[0],
        "partition": str(place[1]),
        "offset": str(place[2]),
        "timestamp": str(record.timestamp),
        "group": GROUP,
        "action": "validate-lead",
        "code": "NOT_JSON",
        "class": "poison",
        "generation": "0",
        "version": "1",
        "value.sha256": hashlib.sha256(record.value or b"").hexdigest(),
    }
    own = [(LETTER + name, text.encode()) for name, text in said.items()]
    return Record(LETTERS, 0, 0, NOW_MS, record.key, record.value, [*record.headers, *own])


@dataclass
class History:
    """What `Logs` and `Store` tell; every list may be changed."""

    records: list[Record] = field(default_factory=list)
    settled: dict[str, int] = field(default_factory=dict)
    """Per topic: the group's next offset; what is not named is settled to its end."""
    ledger: list[LedgerRow] = field(default_factory=list)
    contacts: list[ContactRow] = field(default_factory=list)
    effects: list[EffectRow] = field(default_factory=list)
    letters: list[LetterRow] = field(default_factory=list)
    meanwhile: list[Callable[[History], None]] = field(default_factory=list)
    """What workers do between two looks."""
    looks: int = 0

    async def look(self) -> Look:
        if self.looks:
            for act in self.meanwhile:
                act(self)
        self.looks += 1
        spans: dict[PartitionId, Span] = {}
        for topic in TOPICS:
            end = max((each.offset + 1 for each in self.records if each.topic == topic), default=0)
            spans[topic, 0] = Span(0, end, self.settled.get(topic, end) if topic in CONSUMED else 0)
        return Look(NOW_MS, spans)

    async def read(
        self, begins: Mapping[PartitionId, int], look: Look, take: Callable[[Record], None]
    ) -> None:
        for each in self.records:
            if begins.get((each.topic, 0), 0) <= each.offset < look.spans[each.topic, 0].end:
                take(each)

    def tables(self, scratch: Scratch) -> None:
        scratch.clear(*READ_ANEW)
        put_ledger(scratch, self.ledger)
        put_contacts(scratch, self.contacts)
        put_effects(scratch, self.effects)
        put_letters(scratch, self.letters)

    def of(self, topic: str) -> Record:
        return next(each for each in self.records if each.topic == topic)

    def swap(self, old: Record, **changed: object) -> None:
        self.records[self.records.index(old)] = replace(old, **changed)  # type: ignore[arg-type]


def healthy() -> History:
    """Everything as it should be."""
    poison = received(POISON_ID, 1, b'{"email": "cut off')
    letter = letter_of(poison)
    results = [result(action) for action in READS]
    history = History([received(LEAD_ID, 0, b"{}"), poison, *results, letter])
    history.ledger = [
        LedgerRow(result_id(action), action, DONE, each.value, NOW_MS * 1000)
        for action, each in zip(READS, results, strict=True)
    ]
    failed = derive(*POISON_ID, "validate-lead", 1)
    history.ledger.append(LedgerRow(failed, "validate-lead", FAILED, b"{}", NOW_MS * 1000))
    history.contacts = [ContactRow(KEY, CONTACT, "ana@customer.example", None, "ada", 1)]
    welcome = result_id("send-welcome-email")
    history.effects = [EffectRow(f"welcome:{KEY}", welcome, CALLED, NOW_MS * 1000)]
    row = (str(letter.header(LETTER + "id")), "validate-lead", "parked", 0, None, NOW_MS * 1000)
    history.letters = [LetterRow(*row, letter.key, letter.value, letter.original_headers)]
    return history
