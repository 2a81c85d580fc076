"""This file is what the checker judges by: records, offsets, rows and what arrived outside, as plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

# Written down a second time on purpose: the checker must notice when the product's own constants move.
NAMESPACE = UUID("6f1f6f0e-5c0b-5d53-9d0c-0f4ac9f5b0a7")
LETTER = "__dlq.errors."

RECEIVED = "leads.received.v1"
VALIDATED = "leads.validated.v1"
REJECTED = "leads.rejected.v1"
MATCHED = "leads.matched.v1"
UPSERTED = "contacts.upserted.v1"
ASSIGNED = "leads.assigned.v1"
WELCOMED = "leads.welcomed.v1"
NOTIFIED = "owners.notified.v1"
REQUESTS = "actions.requests.v1"
LETTERS = "leads.dead-letters.v1"

ACTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    RECEIVED: {"validate-lead": (VALIDATED, REJECTED)},
    VALIDATED: {"find-duplicates": (MATCHED,)},
    MATCHED: {"create-or-update-contact": (UPSERTED,)},
    UPSERTED: {"assign-owner": (ASSIGNED,)},
    ASSIGNED: {"send-welcome-email": (WELCOMED,), "notify-owner": (NOTIFIED,)},
}
"""Which action reads a topic, and on which topics its result may be."""
RESULTS = (VALIDATED, REJECTED, MATCHED, UPSERTED, ASSIGNED, WELCOMED, NOTIFIED)
CONSUMED = (*ACTIONS, REQUESTS, LETTERS)
"""What the consumer group reads."""

DONE, FAILED = 1, 2
INTENT, RELEASED, CALLED = 1, 2, 3
OPEN = ("scheduled", "parked", "replaying")

Headers = list[tuple[str, bytes | None]]


def derive(*parts: object) -> str:
    """UUIDv5 of the parts as compact JSON, as contracts.md says."""
    return str(uuid5(NAMESPACE, json.dumps(parts, separators=(",", ":"), ensure_ascii=False)))


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `topic` is without the prefix."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def place(self) -> str:
        """`topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    def header(self, name: str) -> str | None:
        """Text of the last header with this name."""
        found = [value for given, value in self.headers if given == name]
        return None if not found or found[-1] is None else found[-1].decode(errors="replace")

    @property
    def original_headers(self) -> Headers:
        """Headers less those of a dead letter."""
        return [(name, value) for name, value in self.headers if not name.startswith(LETTER)]

    @property
    def data(self) -> dict[str, Any]:
        """The value as JSON; empty when it is none."""
        try:
            found = json.loads(self.value or b"null")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def identity(self, prefix: str) -> tuple[str, str] | None:
        """`(ce_source, ce_id)`; None when it cannot be told, which is a dead letter."""
        content_type = (self.header("content-type") or "").partition(";")[0].strip()
        if content_type == "application/cloudevents+json":
            source, event_id = self.data.get("source"), self.data.get("id")
            both = isinstance(source, str) and isinstance(event_id, str)
            return (source, event_id) if both else None  # type: ignore[return-value]
        if not any(name.startswith("ce_") for name, _ in self.headers):
            return "/unknown", derive(prefix + self.topic, self.partition, self.offset)
        names = [name for name, _ in self.headers]
        source, event_id = self.header("ce_source"), self.header("ce_id")
        if names.count("ce_source") != 1 or names.count("ce_id") != 1 or source is None or event_id is None:
            return None
        return source, event_id


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One execution as the ledger has it; `id` as text."""

    id: str
    action: str
    correlation_id: str
    lead_id: str
    status: int
    result: bytes | None


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One contact."""

    contact_key: str
    contact_id: str
    email: str | None
    phone: str | None
    owner_id: str | None
    revision: int


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One intent, with or without its outcome; `ledger_id` as text."""

    key: str
    ledger_id: str
    status: int
    reference: str | None


@dataclass(frozen=True, slots=True)
class LetterRow:
    """One letter of the index, with the original record."""

    id: str
    status: str
    generation: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as the mail server has it."""

    to: tuple[str, ...]
    message_id: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """One request as the webhook's receiver has it."""

    webhook_id: str
    lead_id: str


@dataclass(slots=True)
class Evidence:
    """Everything there is to see from outside."""

    prefix: str
    group: str
    records: dict[str, list[Record]]
    """Per topic (without prefix), in offset order per partition."""
    committed: dict[tuple[str, int], int]
    """Per topic (without prefix) and partition: the next offset the group would read."""
    ledger: list[LedgerRow] = field(default_factory=list)
    contacts: list[ContactRow] = field(default_factory=list)
    effects: list[EffectRow] = field(default_factory=list)
    letters: list[LetterRow] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    webhooks: list[Webhook] = field(default_factory=list)

    def is_unread(self, record: Record) -> bool:
        """Whether the group has yet to read (or to read again) this record."""
        return record.offset >= self.committed.get((record.topic, record.partition), 0)
