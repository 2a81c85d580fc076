"""Writes dead letters of the topic to ledger and effects, and closes those that have succeeded since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.engine.execution import Execution, Source
from streams.engine.installation import Installation
from streams.operations.recovery.effect_keys import would_claim
from streams.operations.recovery.write_back import Trace, add_rows, released, suspected
from streams.store import ledger, letter_replays, letters
from streams.store.ledger import LedgerRow
from streams.store.letters import OPEN, LetterRow, dump_letter, microseconds
from streams.store.schema import FAILED
from streams.store.schema import letters as letters_table
from streams.workflow import Workflow, calls_outside
from topics import ids
from topics.decode import Position, Record, decode
from topics.envelope import Headers
from topics.failures import DecodeError
from topics.letter import DeadLetter, LetterError, without_letter

NOT_REMEMBERED = frozenset({"STORE_REFUSED", "STORE_CONFLICT"})
"""Codes of executions that the ledger could not store."""
CERTAINLY_NOT = frozenset({"transient", "throttled", "rejected"})
"""Classes of failures after which the call is known not to have been made."""
PERHAPS = frozenset({"uncertain", "defect"})
"""Classes of failures after which the call may have been made."""
BATCH_SIZE = 200


@dataclass(frozen=True, slots=True)
class Failed:
    """A letter whose execution is known."""

    letter: DeadLetter
    execution: Execution
    ledger_id: bytes
    claim: str | None = None
    """Key of the outside call that the execution would make."""

    @property
    def at_us(self) -> int:
        """Return the moment of the failure, in microseconds."""
        return microseconds(self.letter.time)

    @property
    def is_remembered(self) -> bool:
        """Whether the ledger had a row for it."""
        return self.letter.code not in NOT_REMEMBERED

    def row(self) -> LedgerRow:
        """Return the ledger's row of this failure."""
        letter, envelope = self.letter, self.execution.envelope
        return LedgerRow(
            id=self.ledger_id,
            action=letter.action,
            version=letter.action_version,
            correlation_id=envelope.correlation_id,
            lead_id=self.execution.lead_id,
            contact_key=self.execution.contact_key,
            status=FAILED,
            generation=letter.generation,
            attempts=letter.delivery_count,
            digest=self.execution.decoded.digest,
            result_type=None,
            result=dump_letter(letter),
            code=letter.code,
            duration_us=0,
            done_at=self.at_us,
        )

    def traces(self) -> list[Trace]:
        """Return the trace of its call, if it would make one."""
        if self.claim is None:
            return []
        return [Trace(self.claim, self.ledger_id, self.letter.action, self.at_us)]


def read_letter(record: Record, installation: Installation) -> Failed | None:
    """Read a letter of an execution of this group; None of a letter without one.

    There was no execution when the record could not be read; with ID_REUSED it is that of another record.
    """
    failed = read_request(record, installation.workflow)
    if failed is None or failed.letter.group != installation.group or failed.letter.stage != "execute":
        return None
    return failed


def read_request(record: Record, workflow: Workflow) -> Failed | None:
    """Read a request for one execution as the letter it replays; None when the record is no such request."""
    try:
        letter = DeadLetter.from_headers(list(record.headers))
    except LetterError:
        return None
    return _failed(letter, record.key, record.value, record.headers, workflow)


def _failed(
    letter: DeadLetter, key: bytes | None, value: bytes | None, headers: Headers, workflow: Workflow
) -> Failed | None:
    original = without_letter(list(headers))
    position = Position(letter.topic, letter.partition, letter.offset, letter.timestamp)
    try:
        step = workflow.step(letter.action)
        decoded = decode(value, original, step.reads, position)
    except (KeyError, DecodeError):
        return None
    envelope = decoded.envelope
    result_id = ids.result_id(envelope.source, envelope.id, letter.action, letter.action_version)
    execution = Execution(Source(position, key, value, original), step, decoded)
    return Failed(letter, execution, bytes.fromhex(result_id.replace("-", "")))


async def with_claims(failures: Sequence[Failed], installation: Installation) -> list[Failed]:
    """Return the failures with the keys of their calls: actions with a call outside are asked for it."""
    ports = installation.adapters.ports

    async def claim(execution: Execution) -> str | None:
        return await would_claim(execution, ports) if calls_outside(execution.step) else None

    return [replace(failed, claim=await claim(failed.execution)) for failed in failures]


def take(connection: Connection, failures: Sequence[Failed]) -> int:
    """Write what the store does not know, in the order of the letters. Return the number of executions."""
    new = 0
    for failed in failures:
        if failed.is_remembered:
            if not add_rows(connection, [failed.row()]):
                continue  # the store knows this failure, and what came after it
            new += 1
        if failed.letter.failure_class in PERHAPS:
            suspected(connection, failed.traces())
        elif failed.letter.failure_class in CERTAINLY_NOT:
            released(connection, failed.traces())
    return new


def open_ids(connection: Connection) -> list[str]:
    """Return the ids of all open letters."""
    return list(
        connection.execute(sa.select(letters_table.c.id).where(letters_table.c.status.in_(OPEN))).scalars()
    )


def resolve(connection: Connection, letter_ids: Sequence[str], workflow: Workflow, now_us: int) -> int:
    """Close those of these letters whose executions have succeeded. Return their number."""
    by_execution: dict[bytes, list[tuple[LetterRow, Failed]]] = {}
    for row in letters.get(connection, letter_ids):
        failed = _failed(row.letter, row.key, row.value, row.headers, workflow)
        if failed is not None:
            # A letter of another version: its replay ran the version of this build.
            for key in {failed.ledger_id, failed.execution.ledger_id}:
                by_execution.setdefault(key, []).append((row, failed))
    known = ledger.find(connection, by_execution)
    done = {
        row.letter.id
        for key, execution in known.items()
        for row, failed in by_execution[key]
        if execution.is_done and _is_of(execution, row, failed)
    }
    letter_replays.resolve(connection, list(done), "resolved", now_us)
    return len(done)


def _is_of(execution: LedgerRow, row: LetterRow, failed: Failed) -> bool:
    # A newer build may have read since what could not be read. With ID_REUSED the execution is another record's.
    was_executed = row.letter.stage == "execute" or row.is_edited
    return was_executed or execution.digest == failed.execution.decoded.digest
