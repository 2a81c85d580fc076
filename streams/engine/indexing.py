"""Writes dead letters from their topic into the index, which serves listing, retries and replays."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import orjson

from streams.clock import Clock, to_us
from streams.engine.failures import CANCELLED
from streams.engine.handover import SETTLED, RecordBatch, Unfinished
from streams.store import letters
from streams.store.engine import Database, StoreRefusedError, isolate_refused
from streams.store.letters import DISCARDED, PARKED, SCHEDULED, LetterRow
from topics.decode import Record
from topics.letter import DeadLetter, LetterError, without_letter
from topics.limits import has_control

log = logging.getLogger(__name__)


class LetterIndexer:
    """Indexes letters; a redelivered copy of a letter changes nothing."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Take the store."""
        self._database = database
        self._clock = clock

    async def process(self, batch: RecordBatch) -> Unfinished:
        """Index a batch, even when its partition was revoked. Log the position of a record that is not a letter."""
        rows = [row for record in batch.records if (row := row_of(record)) is not None]
        await isolate_refused(rows, self._index, _log_refused)
        return SETTLED

    async def _index(self, rows: Sequence[LetterRow]) -> None:
        now_us = to_us(self._clock())
        await self._database.run(lambda connection: letters.index(connection, rows, now_us))


def _log_refused(row: LetterRow, error: StoreRefusedError) -> None:
    log.error("letter %s cannot be indexed and stays in its topic: %s", row.letter.id, error)


def row_of(record: Record) -> LetterRow | None:
    """Read a record of the letters topic; None, and a warning in the log, when it is not a letter."""
    headers = list(record.headers)
    try:
        letter = DeadLetter.from_headers(headers)
    except LetterError as error:
        log.warning("not a dead letter at %s/%d/%d: %s", record.topic, record.partition, record.offset, error)
        return None
    status = PARKED if letter.next_attempt is None else SCHEDULED
    if letter.code == CANCELLED.code:
        status = DISCARDED  # a person cancelled it before it became a letter
    original = without_letter(headers)
    return LetterRow(
        status, None, letter, _lead_id(record.value, dict(original)), record.key, record.value, original
    )


def _lead_id(value: bytes | None, headers: dict[str, bytes | None]) -> str | None:
    """Return the letter's lead id, if the record, which may hold anything, names one."""
    if (headers.get("ce_type") or b"").startswith(b"crm."):
        subject = (headers.get("ce_subject") or b"").decode(errors="replace")
        if subject.startswith("lead/") and not has_control(subject):
            return subject.removeprefix("lead/")[:500]
    try:
        parsed = orjson.loads(value or b"null")
    except orjson.JSONDecodeError:
        return None
    body = parsed.get("data", parsed) if isinstance(parsed, dict) else None
    lead_id = body.get("lead_id") if isinstance(body, dict) else None
    return lead_id[:500] if isinstance(lead_id, str) and not has_control(lead_id) else None
