"""Audit of commands about dead letters: who does what, and why, is published before it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

import orjson

from streams.engine.installation import Installation
from streams.kafka.producer import Outgoing, PublishError
from topics.envelope import Headers, timestamp

AuditedCommand = Literal[
    "edit", "discard", "restore", "schedule", "unschedule", "keep", "erase", "import", "reveal", "export",
    "replay", "apply", "pause", "resume", "cancel",
]  # fmt: skip
SOURCE = "/leads/operator"
TYPE = "crm.dead-letter.audited.v1"
WITHIN_S = 20.0
"""The client itself waits without end for a lost broker, and a command that is not audited must not be done."""


class AuditError(RuntimeError):
    """A command cannot be written into the audit topic, so it was not done."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One command about one letter or one job. It holds hashes, never a value of a record."""

    command: AuditedCommand
    about: str
    """Id of the letter or job; the key of the audit record."""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audit:
    """Publishes what one person does."""

    installation: Installation
    author: str

    async def write(self, reason: str | None, entries: Sequence[Entry]) -> None:
        """Return once the broker has all entries. Raise `AuditError`; some entries may be written then."""
        now = timestamp(self.installation.clock())
        records = [self._record(entry, reason, now) for entry in entries]
        try:
            async with asyncio.timeout(WITHIN_S):
                await self.installation.publisher.publish(records)
        except (TimeoutError, PublishError) as error:
            cause = (
                f"no broker took it within {WITHIN_S:.0f} s"
                if isinstance(error, TimeoutError)
                else str(error)
            )
            topic = self.installation.topics.audit
            raise AuditError(
                f"{topic} cannot be written ({cause}); no command is carried out before it is audited there"
            ) from None

    def _record(self, entry: Entry, reason: str | None, now: str) -> Outgoing:
        body = {
            "act": entry.command,
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
        return Outgoing(self.installation.topics.audit, entry.about.encode(), orjson.dumps(body), headers)
