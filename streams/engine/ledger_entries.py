"""Builds the ledger's rows, and answers a record that is processed again from its row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from actions.errors import PermanentError
from streams.clock import to_us
from streams.engine.execution import DeadLettered, Execution, Outcome, Succeeded
from streams.engine.failures import ID_REUSED, Failure, write_letter
from streams.store.ledger import LedgerRow
from streams.store.letters import dump_letter, load_letter
from streams.store.schema import DONE, FAILED
from topics.events import Event, encode
from topics.letter import DeadLetter
from topics.limits import MAX_STATED


@dataclass(frozen=True, slots=True)
class LedgerWriter:
    """Writes ledger rows and letters on behalf of one consumer group."""

    group: str

    def succeeded(self, execution: Execution, result: Event, duration_us: int, now: datetime) -> LedgerRow:
        """Return the row of a result. Raise PermanentError when the result is too large for a topic."""
        encoded = encode(result)
        if len(encoded) > MAX_STATED:
            raise PermanentError(
                "RESULT_TOO_LARGE", f"the result has {len(encoded)} bytes and may have {MAX_STATED}"
            )
        return self._row(
            execution,
            status=DONE,
            lead_id=result.lead_id or execution.lead_id,
            contact_key=getattr(result, "contact_key", None) or execution.contact_key,
            result_type=result.type,
            result=encoded,
            code=None,
            generation=0 if execution.request is None else execution.request.generation + 1,
            duration_us=duration_us,
            now=now,
        )

    def failed(
        self, execution: Execution, failure: Failure, duration_us: int, now: datetime
    ) -> tuple[LedgerRow, DeadLetter]:
        """Return the row of a dead-lettered record, and its letter."""
        letter = self.letter(execution, failure, now)
        row = self._row(
            execution,
            status=FAILED,
            lead_id=execution.lead_id,
            contact_key=execution.contact_key,
            result_type=None,
            result=dump_letter(letter),
            code=letter.code,
            generation=letter.generation,
            duration_us=duration_us,
            now=now,
        )
        return row, letter

    def letter(self, execution: Execution, failure: Failure, now: datetime) -> DeadLetter:
        """Write the letter of a failure."""
        return write_letter(
            failure,
            source=execution.source,
            action=execution.step.action.kebab,
            action_version=execution.step.action.version,
            attempts=max(execution.attempts, 1),
            request=execution.request,
            retry=execution.step.retry,
            group=self.group,
            now=now,
        )

    def recorded_outcome(self, execution: Execution, row: LedgerRow, now: datetime) -> Outcome | None:
        """Return the outcome in the ledger; None when the record has to be executed (a replay of this very failure)."""
        is_edited = execution.request is not None and execution.request.edit_sha256 is not None
        if execution.decoded.digest != row.digest and not is_edited:
            return DeadLettered(execution.source, self.letter(execution, ID_REUSED, now), is_new=True)
        if row.is_done:
            return Succeeded(execution, row, None)
        stored = load_letter(row.result or b"{}")
        if execution.request is not None and row.generation <= execution.request.generation:
            return None
        return DeadLettered(execution.source, stored, is_new=False)

    def _row(  # noqa: PLR0913 - the columns
        self,
        execution: Execution,
        *,
        status: int,
        lead_id: str,
        contact_key: str | None,
        result_type: str | None,
        result: bytes,
        code: str | None,
        generation: int,
        duration_us: int,
        now: datetime,
    ) -> LedgerRow:
        return LedgerRow(
            id=execution.ledger_id,
            action=execution.step.action.kebab,
            version=execution.step.action.version,
            correlation_id=execution.envelope.correlation_id,
            lead_id=lead_id,
            contact_key=contact_key,
            status=status,
            generation=generation,
            attempts=max(execution.attempts, 1),
            digest=execution.decoded.digest,
            result_type=result_type,
            result=result,
            code=code,
            duration_us=duration_us,
            done_at=to_us(now),
        )
