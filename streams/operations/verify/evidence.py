"""The evidence as plain values: records, offsets, rows, and what arrived outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streams.operations.verify.contract import LETTER, Headers, derive

PartitionId = tuple[str, int]
"""Topic (without prefix) and partition."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `topic` is without the prefix, `timestamp` in ms since the epoch."""

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
        """Return the text of the last header with this name."""
        found = [value for given, value in self.headers if given == name]
        return None if not found or found[-1] is None else found[-1].decode(errors="replace")

    @property
    def original_headers(self) -> Headers:
        """Headers less those of a dead letter."""
        return [(name, value) for name, value in self.headers if not name.startswith(LETTER)]

    @property
    def data(self) -> dict[str, Any]:
        """The value as JSON; empty when it is not JSON."""
        try:
            found = json.loads(self.value or b"null")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def identity(self, place: str) -> tuple[str, str] | None:
        """Return `(ce_source, ce_id)`; None for a record without a readable identity, which becomes a dead letter.

        `place` is where the record was first consumed, topic with its prefix: the id of a record without one.
        """
        types = [value or b"" for name, value in self.headers if name.lower() == "content-type"]
        if types and types[-1].partition(b";")[0].strip().lower() == b"application/cloudevents+json":
            data = self.data
            return _both(_text(data.get("source")), _text(data.get("id")))
        names = [name for name, _ in self.headers]
        if not any(name.startswith("ce_") for name in names):
            topic, partition, offset = place.rsplit("/", 2)
            return "/unknown", derive(topic, int(partition), int(offset))
        if names.count("ce_source") != 1 or names.count("ce_id") != 1:
            return None
        return _both(self.header("ce_source"), self.header("ce_id"))


def _both(source: str | None, event_id: str | None) -> tuple[str, str] | None:
    return None if source is None or event_id is None else (source, event_id)


def _text(attribute: object) -> str | None:
    """Text of an attribute in structured mode: a number or a claim may stand there, too."""
    if isinstance(attribute, bool):
        return str(attribute).lower()
    return str(attribute) if isinstance(attribute, str | int) else None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One execution as the ledger has it; `id` as text, `done_at` in µs since the epoch."""

    id: str
    action: str
    status: int
    result: bytes | None
    done_at: int


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One contact."""

    contact_key: str
    contact_id: str
    email: str | None
    phone: str | None
    owner_id: str | None
    revision: int
    fields: bytes | None = None
    """JSON of its fields, each with value, source, time and event id."""


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One intent, with or without its outcome; `ledger_id` as text, `changed_at` in µs since the epoch."""

    key: str
    ledger_id: str
    status: int
    changed_at: int


@dataclass(frozen=True, slots=True)
class IndexedLetter:
    """One letter of the index, with the original record; moments in µs since the epoch."""

    id: str
    action: str
    status: str
    generation: int
    due_at: int | None
    indexed_at: int
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


@dataclass(frozen=True, slots=True)
class Span:
    """One partition at the moment of the look: the offsets it holds, and the next one that the group would read."""

    start: int
    """Above 0: retention deleted earlier records."""
    end: int
    settled: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """Where everything stood when reading began."""

    at_ms: int
    """Moment, ms since the epoch."""
    spans: Mapping[PartitionId, Span]
    workers: int | None = None
    """Members of the consumer group; None when it was not asked."""

    def partitions(self, topic: str) -> int:
        """Partitions of a topic; 0 when it does not exist."""
        return sum(1 for name, _ in self.spans if name == topic)
