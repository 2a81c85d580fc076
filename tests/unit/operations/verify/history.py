"""A made-up history of any workflow: one lead that was onboarded, one that became a dead letter; free to be spoilt."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from streams.interfaces.common.verifying import contract_of
from streams.onboarding import ONBOARDING
from streams.operations.verify.contract import (
    ASSIGNED,
    CALLED,
    DONE,
    EFFECT_KEY,
    EFFECT_REFERENCE,
    FAILED,
    LETTER,
    LETTERS,
    RECEIVED,
    REJECTED,
    UPSERTED,
    Action,
    Contract,
    Headers,
    derive,
    hook_id_of,
    mail_id_of,
)
from streams.operations.verify.evidence import (
    ContactRow,
    EffectRow,
    IndexedLetter,
    LedgerEntry,
    Look,
    Mail,
    PartitionId,
    Record,
    Span,
    Webhook,
)
from streams.operations.verify.scratch import Scratch
from streams.operations.verify.tables import FILLED, put_contacts, put_effects, put_ledger, put_letters

PREFIX, GROUP = "crm.", "leads"
NOW_MS = int(time.time() * 1000)
KEY, CONTACT, LEAD = "k" * 64, "contact-1", "lead-1"
EMAIL, OWNERS_EMAIL = "ana@customer.example", "ada@acme.example"
LEAD_ID = ("/web", "e-1")
POISON_ID = ("/web", "e-2")
RUN = derive(*LEAD_ID)
BODIES: dict[str, dict[str, object]] = {
    UPSERTED: {"outcome": "created", "revision": 1},
    ASSIGNED: {
        "owner": {"id": "ada", "email": OWNERS_EMAIL},
        "strategy": "round-robin",
        "candidates": ["ada"],
    },
}
"""What the results of the domain's own topics state beyond what all state."""
WELCOMED, NOTIFIED = "leads.welcomed.v1", "owners.notified.v1"


def received(identity: tuple[str, str], offset: int, value: bytes) -> Record:
    """Return what a service publishes; its headers are odd: repeated, and without a value."""
    source, event_id = (each.encode() for each in identity)
    headers: Headers = [("ce_source", source), ("x", b"1"), ("x", None), ("ce_id", event_id), ("x", b"1")]
    return Record(
        RECEIVED, 0, offset, NOW_MS, b"lead", value, [*headers, ("content-type", b"application/json")]
    )


@dataclass
class History:
    """What `Logs` and `Store` have; every list may be changed."""

    contract: Contract
    folder: Path
    """Of the journals of mails and webhook calls."""
    records: list[Record] = field(default_factory=list)
    settled: dict[str, int] = field(default_factory=dict)
    """Per topic: the group's next offset; what is not named is settled to its end."""
    starts: dict[str, int] = field(default_factory=dict)
    """Per topic: the first offset that retention has left; 0 where it is not named."""
    partitions: dict[str, int] = field(default_factory=dict)
    """Per topic: how many there are; all records are on the first one. 1 where it is not named."""
    ledger: list[LedgerEntry] = field(default_factory=list)
    contacts: list[ContactRow] = field(default_factory=list)
    effects: list[EffectRow] = field(default_factory=list)
    letters: list[IndexedLetter] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    webhooks: list[Webhook] = field(default_factory=list)
    meanwhile: list[Callable[[History], None]] = field(default_factory=list)
    """What workers do between two looks."""
    looks: int = 0

    async def look(self) -> Look:
        if self.looks:
            for act in self.meanwhile:
                act(self)
        self.looks += 1
        spans: dict[PartitionId, Span] = {}
        for topic in self.contract.topics:
            start = self.starts.get(topic, 0)
            end = max((each.offset + 1 for each in self.records if each.topic == topic), default=start)
            is_consumed = topic in self.contract.consumed
            spans[topic, 0] = Span(start, end, self.settled.get(topic, end) if is_consumed else 0)
            spans |= {(topic, number): Span(0, 0) for number in range(1, self.partitions.get(topic, 1))}
        return Look(NOW_MS, spans)

    async def read(
        self, begins: Mapping[PartitionId, int], look: Look, take: Callable[[Record], None]
    ) -> None:
        for each in self.records:
            span = look.spans[each.topic, 0]
            if max(begins.get((each.topic, 0), 0), span.start) <= each.offset < span.end:
                take(each)

    def tables(self, scratch: Scratch) -> None:
        scratch.clear(*FILLED)
        put_ledger(scratch, self.ledger)
        put_contacts(scratch, self.contacts)
        put_effects(scratch, self.effects)
        put_letters(scratch, self.letters)

    def journals(self) -> tuple[Path, Path]:
        """Write the files of mails and webhook calls."""
        mails, hooks = self.folder / "mails.jsonl", self.folder / "webhooks.jsonl"
        lines = [{"to": each.to, "message_id": each.message_id} for each in self.mails]
        mails.write_text("".join(json.dumps(line) + "\n" for line in lines))
        calls = [{"webhook_id": each.webhook_id, "lead_id": each.lead_id} for each in self.webhooks]
        hooks.write_text("".join(json.dumps(call) + "\n" for call in calls))
        return mails, hooks

    def of(self, topic: str) -> Record:
        return next(each for each in self.records if each.topic == topic)

    def swap(self, old: Record, **changed: object) -> None:
        self.records[self.records.index(old)] = replace(old, **changed)  # type: ignore[arg-type]

    def action(self, topic: str) -> Action:
        """Return the action whose result stands on a topic."""
        return self.contract.actions[self.contract.emitting(topic)[0]]

    def result_id(self, action: Action) -> str:
        """Return the id of what an action states about the lead, from the chain of ids that leads there."""
        source, event_id = LEAD_ID
        if action.reads != RECEIVED:
            before = self.action(action.reads)
            source, event_id = before.source, self.result_id(before)
        return derive(source, event_id, action.name, action.version)

    def effect_key(self, action: Action) -> str:
        assert action.effect is not None
        return f"{action.effect.name}:{KEY if action.effect.scope == 'contact' else RUN}"

    def reference(self, action: Action) -> str:
        """Return what the other side knows the call by: effects of a contact are mails here, others webhook calls."""
        assert action.effect is not None
        key = self.effect_key(action)
        is_mail = action.effect.scope == "contact"
        return f"<{mail_id_of(key)}@acme.example>" if is_mail else f"msg_{hook_id_of(key)}"

    def result(self, action: Action) -> Record:
        topic = action.emits[0]
        cause = LEAD_ID[1] if action.reads == RECEIVED else self.result_id(self.action(action.reads))
        headers = {
            "ce_source": action.source,
            "ce_id": self.result_id(action),
            "ce_type": self.contract.events[topic].type,
            "ce_correlationid": RUN,
            "ce_position": f"{PREFIX}{RECEIVED}/0/0",
            "ce_causationid": cause,
            "ce_workflow": self.contract.workflow,
        }
        body = {"contact_key": KEY, "contact_id": CONTACT, "lead_id": LEAD, **BODIES.get(topic, {})}
        if action.effect is not None:
            headers |= {EFFECT_KEY: self.effect_key(action), EFFECT_REFERENCE: self.reference(action)}
            if action.effect.reference_field is not None:
                body[action.effect.reference_field] = self.reference(action)
        key = str(body[self.contract.events[topic].key_field]).encode()
        offset = sum(each.topic == topic for each in self.records)
        raw = [(name, text.encode()) for name, text in headers.items()]
        return Record(topic, 0, offset, NOW_MS, key, json.dumps(body).encode(), [*raw])


def letter_of(record: Record, action: str, *, offset: int = 0) -> Record:
    place = (PREFIX + record.topic, record.partition, record.offset)
    headers = {
        "id": derive(*place, GROUP, action),
        "topic": place[0],
        "partition": str(place[1]),
        "offset": str(place[2]),
        "timestamp": str(record.timestamp),
        "group": GROUP,
        "action": action,
        "code": "NOT_JSON",
        "class": "poison",
        "generation": "0",
        "version": "1",
        "value.sha256": hashlib.sha256(record.value or b"").hexdigest(),
    }
    own = [(LETTER + name, text.encode()) for name, text in headers.items()]
    return Record(LETTERS, 0, offset, NOW_MS, record.key, record.value, [*record.headers, *own])


def healthy(folder: Path, contract: Contract | None = None) -> History:
    """Return a history in which everything is as it should be."""
    history = History(contract or contract_of(ONBOARDING), folder)
    poison = received(POISON_ID, 1, b'{"email": "cut off')
    history.records = [received(LEAD_ID, 0, b"{}"), poison]
    reached = {RECEIVED}
    for action in history.contract.actions:
        if action.reads not in reached or action.reads == REJECTED:
            continue
        result = history.result(action)
        history.records.append(result)
        reached.add(result.topic)
        done = LedgerEntry(history.result_id(action), action.name, DONE, result.value, NOW_MS * 1000)
        history.ledger.append(done)
        if action.effect is not None:
            history.effects.append(EffectRow(history.effect_key(action), done.id, CALLED, NOW_MS * 1000))
            reference = history.reference(action)
            if reference.startswith("<"):
                history.mails.append(Mail((EMAIL,), reference))
            else:
                history.webhooks.append(Webhook(reference, LEAD))
    for number in history.contract.reading(RECEIVED):
        action = history.contract.actions[number]
        letter = letter_of(poison, action.name, offset=len(history.letters))
        history.records.append(letter)
        failed = derive(*POISON_ID, action.name, action.version)
        history.ledger.append(LedgerEntry(failed, action.name, FAILED, b"{}", NOW_MS * 1000))
        row = (str(letter.header(LETTER + "id")), action.name, "parked", 0, None, NOW_MS * 1000)
        history.letters.append(IndexedLetter(*row, letter.key, letter.value, letter.original_headers))
    history.contacts = [ContactRow(KEY, CONTACT, EMAIL, None, "ada", 1)]
    return history
