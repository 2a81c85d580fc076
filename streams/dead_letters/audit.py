"""This file writes the audit: who did what about which dead letters, and why, before it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

import orjson

from streams.clock import Clock
from streams.kafka.producer import Outgoing, Publisher, PublishError
from topics.envelope import Headers, timestamp
from topics.registry import TopicNames

AuditedCommand = Literal[
    "edit", "discard", "restore", "schedule", "unschedule", "keep", "erase", "import", "reveal", "export",
    "replay", "apply", "pause", "resume", "cancel",
]  # fmt: skip
SOURCE = "/leads/operator"
TYPE = "crm.dead-letter.audited.v1"
WITHIN_S = 20.0
"""The client itself would wait for ever for a broker that is gone; and nothing is done that is not written here."""


class AuditError(RuntimeError):
    """What was asked cannot be written into the audit topic, so it was not done."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One act on one letter, or on a job. Never a value of a record: hashes alone."""

    act: AuditedCommand
    about: str
    """Id of the letter, or of the job; the record's key."""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audit:
    """Writes acts of one person."""

    publisher: Publisher
    names: TopicNames
    clock: Clock
    author: str

    async def write(self, reason: str | None, entries: Sequence[Entry]) -> None:
        """Return when the broker has them. Raises `AuditError`; some may be written then."""
        now = timestamp(self.clock())
        records = [self._record(entry, reason, now) for entry in entries]
        try:
            async with asyncio.timeout(WITHIN_S):
                await self.publisher.publish(records)
        except (TimeoutError, PublishError) as error:
            why = "no broker took it in time" if isinstance(error, TimeoutError) else str(error)
            raise AuditError(
                f"{self.names.audit} cannot be written ({why}); nothing is done that is not written there"
            ) from None

    def _record(self, entry: Entry, reason: str | None, now: str) -> Outgoing:
        body = {
            "act": entry.act,
            "about": entry.about,
            "author": self.author,
            "reason": reason,
            "time": now,
            **entry.details,
        }
        headers: Headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", str(uuid4()).encode()),
            ("ce_source", SOURCE.encode()),
            ("ce_type", TYPE.encode()),
            ("ce_subject", f"letter/{entry.about}".encode()),
            ("ce_time", now.encode()),
            ("content-type", b"application/json"),
        ]
        return Outgoing(self.names.audit, entry.about.encode(), orjson.dumps(body), headers)
