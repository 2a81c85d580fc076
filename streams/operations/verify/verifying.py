"""Looks once, and again when something was found: findings of only one look were under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from streams.operations.verify.contract import Contract
from streams.operations.verify.evidence import Look, PartitionId, Record
from streams.operations.verify.findings import Findings
from streams.operations.verify.intake import Intake
from streams.operations.verify.journals import read_mails, read_webhooks
from streams.operations.verify.judge import Verdict, judge
from streams.operations.verify.logs import Logs
from streams.operations.verify.scratch import Scratch
from streams.operations.verify.snapshot import Ages, Snapshot
from streams.operations.verify.stuck import has_old_lag
from streams.operations.verify.tables import Store

OnProgress = Callable[[str, int, int | None], None]
"""Called with the current work, the number of records read, and their total."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to judge, and how."""

    contract: Contract
    prefix: str
    group: str
    limit: int = 20
    """Findings of one fault that are kept with their ids; all are counted."""
    ages: Ages = field(default_factory=Ages)
    mails: Path | None = None
    webhooks: Path | None = None
    received_from: Mapping[int, int] | None = None
    """By partition of received leads: count only those from this offset on; None counts all. All are judged."""
    pause_s: float = 5.0
    """Pause between the looks: longer than workers take to commit finished work."""


async def verify(question: Question, logs: Logs, store: Store, on_progress: OnProgress) -> Verdict:
    """Read everything and judge it.

    Raises `CannotLookError`, `LogError`, Kafka errors, and the `OSError` of a journal.
    """
    with Scratch(question.contract) as scratch:
        verifying = _Verifying(question, logs, store, scratch, on_progress)
        first = await verifying.look(None)
        snapshot, verdict = await verifying.judge(first, None, None)
        if verdict.is_clean and not has_old_lag(snapshot):
            return verdict
        on_progress("looking a second time", 0, None)
        await asyncio.sleep(question.pause_s)
        second = await verifying.look(first)
        _, verdict = await verifying.judge(second, first, verdict.findings)
        return verdict


@dataclass(frozen=True, slots=True)
class _Verifying:
    question: Question
    logs: Logs
    store: Store
    scratch: Scratch
    on_progress: OnProgress

    async def look(self, before: Look | None) -> Look:
        """Read everything; of the topics only what an earlier look has not read."""
        look = await self.logs.look()
        begins: Mapping[PartitionId, int] = (
            {} if before is None else {place: span.end for place, span in before.spans.items()}
        )
        total = sum(span.end - max(span.start, begins.get(place, 0)) for place, span in look.spans.items())
        taken = self.scratch.count("SELECT max(n) FROM records")
        intake = Intake(self.scratch, look, self.question.prefix, self.question.group, taken)
        read = 0

        def take(record: Record) -> None:
            nonlocal read
            intake.take(record)
            read += 1
            if read % 1_000 == 0:
                self.on_progress("records", read, total)

        await self.logs.read(begins, look, take)
        intake.flush()
        self.on_progress("records", read, total)
        # After the topics: a result is in the ledger before it is published, so every result read has its row here.
        await asyncio.to_thread(self.store.read, self.scratch)
        self.scratch.clear("mails", "mailed", "hooks")
        if self.question.mails is not None:
            read_mails(self.scratch, self.question.mails)
        if self.question.webhooks is not None:
            read_webhooks(self.scratch, self.question.webhooks)
        return look

    async def judge(
        self, look: Look, before: Look | None, found: Findings | None
    ) -> tuple[Snapshot, Verdict]:
        """Judge the evidence; with the findings of an earlier look, keep those of both looks."""
        self.on_progress("judging", 0, None)
        snapshot = Snapshot(
            self.scratch,
            look,
            self.question.prefix,
            self.question.ages,
            has_mails=self.question.mails is not None,
            has_webhooks=self.question.webhooks is not None,
            before=before,
            received_from=self.question.received_from,
        )
        return snapshot, await asyncio.to_thread(judge, snapshot, limit=self.question.limit, before=found)
