"""This file looks once, and a second time when something was found: what only one look found was under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

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

Tell = Callable[[str, int, int | None], None]
"""Is told what is being done, how many records were read, and of how many."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be judged, and how."""

    prefix: str
    group: str
    limit: int = 20
    """Findings of one fault that are told with their ids; all are counted."""
    ages: Ages = field(default_factory=Ages)
    mails: Path | None = None
    webhooks: Path | None = None
    pause_s: float = 5.0
    """Between the looks: longer than workers take to commit what they have done."""


async def verify(question: Question, logs: Logs, store: Store, tell: Tell) -> Verdict:
    """Read everything and judge it. Raises `CannotLookError`, Kafka errors and `OSError` of a journal."""
    with Scratch() as scratch:
        first = await _look(question, logs, store, scratch, tell, before=None)
        tell("judging", 0, None)
        snapshot = _sight(question, scratch, first, None)
        verdict = await asyncio.to_thread(judge, snapshot, limit=question.limit)
        if verdict.is_clean and not has_old_lag(snapshot):
            return verdict
        tell("looking a second time", 0, None)
        await asyncio.sleep(question.pause_s)
        return await _second(question, logs, store, scratch, tell, first, verdict.findings)


async def _second(
    question: Question,
    logs: Logs,
    store: Store,
    scratch: Scratch,
    tell: Tell,
    first: Look,
    found: Findings,
) -> Verdict:
    second = await _look(question, logs, store, scratch, tell, before=first)
    snapshot = _sight(question, scratch, second, first)
    return await asyncio.to_thread(judge, snapshot, limit=question.limit, before=found)


async def _look(
    question: Question, logs: Logs, store: Store, scratch: Scratch, tell: Tell, *, before: Look | None
) -> Look:
    look = await logs.look()
    begins: Mapping[PartitionId, int] = (
        {} if before is None else {place: span.end for place, span in before.spans.items()}
    )
    total = sum(span.end - max(span.start, begins.get(place, 0)) for place, span in look.spans.items())
    first = scratch.count("SELECT max(n) FROM records")
    intake = Intake(scratch, look, question.prefix, question.group, first)
    read = 0

    def take(record: Record) -> None:
        nonlocal read
        intake.take(record)
        read += 1
        if read % 1_000 == 0:
            tell("records", read, total)

    await logs.read(begins, look, take)
    intake.flush()
    tell("records", read, total)
    # After the topics: a result is in the ledger before it is published, so what was read there has its row here.
    await asyncio.to_thread(store.read, scratch)
    scratch.clear("mails", "mailed", "hooks")
    if question.mails is not None:
        read_mails(scratch, question.mails)
    if question.webhooks is not None:
        read_webhooks(scratch, question.webhooks)
    return look


def _sight(question: Question, scratch: Scratch, look: Look, before: Look | None) -> Snapshot:
    return Snapshot(
        scratch,
        look,
        question.prefix,
        question.ages,
        has_mails=question.mails is not None,
        has_webhooks=question.webhooks is not None,
        before=before,
    )
