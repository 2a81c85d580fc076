"""This file runs a batch of executions in one store transaction: ledger, staged changes, results, one commit."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from actions.errors import TransientError
from streams.clock import to_us
from streams.engine.execution import DeadLettered, Execution, Outcome, RunResult, Succeeded
from streams.engine.failures import CANCELLED, EXPIRED, STALE, Failure, failure_of, store_failure
from streams.engine.installation import Installation
from streams.engine.ledger_entries import LedgerWriter
from streams.engine.pauses import FLOODING, Pauses, Permit
from streams.engine.staleness import needs_decision, skipped
from streams.store import ledger, letter_replays
from streams.store.engine import StoreError, StoreRefusedError
from streams.store.ledger import LedgerRow
from streams.workflow import Ports, RetryPolicy, Step, Transactional, envelope_argument
from topics.events import Event


@dataclass(slots=True)
class CommitResult:
    """What one transaction came to."""

    outcomes: list[Outcome] = field(default_factory=list)
    again: list[Execution] = field(default_factory=list)
    """Failed for the moment: nothing of them is committed, another attempt is left."""
    left: list[Execution] = field(default_factory=list)
    """Not begun: there were letters enough."""


class TransactionRunner:
    """Runs steps whose actions decide over the store alone."""

    def __init__(self, installation: Installation, pauses: Pauses) -> None:
        """Take the store, the ports that read it, and what says whether a step pauses."""
        self._database = installation.database
        self._ports = installation.adapters.ports
        self._ledger_writer = LedgerWriter(installation.group)
        self._clock = installation.clock
        self._pauses = pauses

    async def run(self, step: Step, executions: Sequence[Execution]) -> RunResult:
        """Execute the works and commit; transient failures get their inline attempts. One outcome per work begun.

        Raises `StoreUnavailableError`; what was committed until then is found in the ledger next time.
        """
        permit = self._pauses.begin(step.name)
        if permit is None:
            return RunResult([], list(executions))
        most = 1 if permit.is_probe else len(executions)
        try:
            ran = await self._run(step, executions[:most], permit)
        finally:
            permit.end()
        return RunResult(ran.outcomes, [*ran.not_begun, *executions[most:]])

    async def _run(self, step: Step, executions: Sequence[Execution], permit: Permit) -> RunResult:
        outcomes: list[Outcome] = []
        left: list[Execution] = []
        pending = list(executions)
        began = time.monotonic()
        for attempt in range(1, step.retry.inline_attempts + 1):
            wait = inline_wait(step.retry, attempt)
            is_last = attempt == step.retry.inline_attempts
            is_last = is_last or time.monotonic() - began + wait > step.retry.inline_budget.total_seconds()
            settled = await self._commit(step, pending, attempt, permit, is_last=is_last)
            outcomes += settled.outcomes
            left += settled.left
            pending = settled.again
            if not pending:
                break
            await asyncio.sleep(wait)
        return RunResult(outcomes, left)

    async def _commit(
        self, step: Step, executions: Sequence[Execution], attempt: int, permit: Permit, *, is_last: bool
    ) -> CommitResult:
        if not executions:
            return CommitResult()
        room = permit.room

        def unit(connection: Connection) -> CommitResult:
            return self._unit(connection, step, executions, attempt, room, is_last=is_last)

        try:
            settled = await self._database.run(unit)
        except StoreRefusedError as error:
            if len(executions) > 1:
                # One row that the database refuses must not fail its neighbours: halve until it stands alone.
                middle = len(executions) // 2
                first = await self._commit(step, executions[:middle], attempt, permit, is_last=is_last)
                second = await self._commit(step, executions[middle:], attempt, permit, is_last=is_last)
                return CommitResult(
                    first.outcomes + second.outcomes, first.again + second.again, first.left + second.left
                )
            letter = self._ledger_writer.letter(executions[0], store_failure(error), self._clock())
            settled = CommitResult([DeadLettered(executions[0].source, letter, is_new=True)])
        for outcome in settled.outcomes:
            if outcome.is_new:
                permit.tell(outcome.letter.failure_class if isinstance(outcome, DeadLettered) else None)
        return settled

    def _unit(
        self,
        connection: Connection,
        step: Step,
        executions: Sequence[Execution],
        attempt: int,
        room: int,
        *,
        is_last: bool,
    ) -> CommitResult:
        now = self._clock()
        batch = _Batch(connection, self._ports, step, executions)
        known = ledger.find(connection, (execution.ledger_id for execution in executions))
        settled = CommitResult()
        for number, execution in enumerate(executions):
            if room == 0:
                settled.left += executions[number:]
                break
            row = known.get(execution.ledger_id)
            recalled = None if row is None else self._ledger_writer.recorded_outcome(execution, row, now)
            if recalled is not None:
                settled.outcomes.append(recalled)
                batch.note_recalled(execution, recalled)
                continue
            execution.attempts = attempt
            outcome = self._execute(batch, execution, row, now, is_last=is_last)
            if outcome is None:
                settled.again.append(execution)
                continue
            settled.outcomes.append(outcome)
            known[execution.ledger_id] = batch.last_row
            if isinstance(outcome, DeadLettered) and outcome.letter.failure_class in FLOODING:
                room -= 1
        batch.flush(to_us(now))
        return settled

    def _execute(
        self, batch: _Batch, execution: Execution, row: LedgerRow | None, now: datetime, *, is_last: bool
    ) -> Outcome | None:
        began = time.perf_counter_ns()
        if (refused := skip_failure(execution, now, self._pauses.cancelled)) is not None:
            failed, letter = self._ledger_writer.failed(execution, refused, 0, now)
            batch.remember(failed, row)
            return DeadLettered(execution.source, letter, is_new=True)
        try:
            result = skipped(execution, now) or batch.call(execution)
            done = self._ledger_writer.succeeded(
                execution, result, (time.perf_counter_ns() - began) // 1000, now
            )
        except (StoreError, SQLAlchemyError):
            raise  # a port could not ask the store: not the action's failure, nothing of the batch is committed
        except TransientError as error:
            batch.drop()
            if not is_last:
                return None
            failure = failure_of(error)
        except Exception as error:  # noqa: BLE001 - whatever an action raises becomes a letter
            batch.drop()
            failure = failure_of(error)
        else:
            batch.keep()
            batch.remember(done, row)
            if execution.request is not None:
                batch.resolved.append(execution.request.id)
            return Succeeded(execution, done, result)
        failed, letter = self._ledger_writer.failed(
            execution, failure, (time.perf_counter_ns() - began) // 1000, now
        )
        batch.remember(failed, row)
        return DeadLettered(execution.source, letter, is_new=True)


class _Batch:
    """Adapters and rows of one transaction."""

    def __init__(
        self, connection: Connection, ports: Ports, step: Step, executions: Sequence[Execution]
    ) -> None:
        self._connection = connection
        self._step = step
        self._adapters: dict[str, Transactional] = ports.open(
            step.action, connection, [execution.event for execution in executions]
        )
        self._arguments: dict[str, Any] = ports.shared_for(step.action) | self._adapters
        self._new: list[LedgerRow] = []
        self._replaced: list[tuple[LedgerRow, int]] = []
        self.resolved: list[str] = []
        self._noop: list[str] = []
        self.last_row: LedgerRow

    def call(self, execution: Execution) -> Event:
        action = self._step.action
        arguments = self._arguments | envelope_argument(action, execution.envelope)
        return checked(self._step, drive(action.function(execution.event, **arguments)))  # type: ignore[arg-type]

    def keep(self) -> None:
        for adapter in self._adapters.values():
            adapter.keep()

    def drop(self) -> None:
        for adapter in self._adapters.values():
            adapter.drop()

    def remember(self, row: LedgerRow, was: LedgerRow | None) -> None:
        self.last_row = row
        if was is None:
            self._new.append(row)
        else:
            self._replaced.append((row, was.generation))

    def note_recalled(self, execution: Execution, outcome: Outcome) -> None:
        if execution.request is not None and isinstance(outcome, Succeeded):
            self._noop.append(execution.request.id)

    def flush(self, now_us: int) -> None:
        for adapter in self._adapters.values():
            adapter.flush(now_us)
        ledger.insert(self._connection, self._new)
        ledger.replace_failed(self._connection, self._replaced)
        letter_replays.resolve(self._connection, self.resolved, "resolved", now_us)
        letter_replays.resolve(self._connection, self._noop, "noop", now_us)


def drive(coroutine: Coroutine[Any, Any, Event]) -> Event:
    """Run an action to its end without an event loop: ports of the store never wait.

    Raises what the action raises, and RuntimeError when it waits for something that is no port.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    coroutine.close()
    msg = "the action waits for something that is no port of the store; ask for Effects and call it through `once`"
    raise RuntimeError(msg)


def checked(step: Step, result: object) -> Event:
    """Give back the result if the step may state it. Raises TypeError otherwise."""
    if type(result) in step.emits:
        return result  # type: ignore[return-value]
    named = " or ".join(event.__name__ for event in step.emits)
    msg = f"{step.name} returned {type(result).__name__} and may state {named}"
    raise TypeError(msg)


def skip_failure(execution: Execution, now: datetime, cancelled: Collection[str]) -> Failure | None:
    """Say why the action is not to run: its event has expired, its run (by id) was cancelled, or it comes too late."""
    expiry = execution.envelope.expiry_time
    if expiry is not None and datetime.fromisoformat(expiry) <= now:
        return EXPIRED
    if execution.envelope.correlation_id in cancelled:
        return CANCELLED
    return STALE if needs_decision(execution, now) else None


def inline_wait(retry: RetryPolicy, attempt: int) -> float:
    """Seconds to wait after this attempt: 50 ms x4 per attempt, full jitter."""
    return random.random() * retry.inline_delay.total_seconds() * float(4 ** (attempt - 1))  # noqa: S311
