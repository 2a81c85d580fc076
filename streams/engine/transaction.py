"""Runs a batch of executions in one store transaction: ledger, staged changes, results, one commit."""

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
from streams.store.engine import StoreError, StoreRefusedError, isolate_refused
from streams.store.ledger import LedgerRow
from streams.workflow import Ports, RetryPolicy, Step, Transactional, envelope_argument
from topics.events import Event


@dataclass(slots=True)
class CommitResult:
    """The result of one transaction."""

    outcomes: list[Outcome] = field(default_factory=list)
    again: list[Execution] = field(default_factory=list)
    """Transient failures with an attempt left: nothing of them is committed."""
    not_begun: list[Execution] = field(default_factory=list)
    """Those left when the transaction had written as many letters as it may."""


class TransactionRunner:
    """Runs steps whose actions use only the store."""

    def __init__(self, installation: Installation, pauses: Pauses) -> None:
        """Take the store, the ports that read it, and the pauses of steps."""
        self._database = installation.database
        self._ports = installation.adapters.ports
        self._ledger_writer = LedgerWriter(installation.group)
        self._clock = installation.clock
        self._pauses = pauses

    async def run(self, step: Step, executions: Sequence[Execution]) -> RunResult:
        """Run the executions and commit; transient failures get their inline attempts.

        Return one outcome for each that was started. Raise `StoreUnavailableError`; the next run finds in the ledger
        what was committed until then.
        """
        permit = self._pauses.begin(step.name)
        if permit is None:
            return RunResult([], list(executions))
        allowed = 1 if permit.is_probe else len(executions)
        try:
            ran = await self._run(step, executions[:allowed], permit)
        finally:
            permit.end()
        return RunResult(ran.outcomes, [*ran.not_begun, *executions[allowed:]])

    async def _run(self, step: Step, executions: Sequence[Execution], permit: Permit) -> RunResult:
        ran = RunResult([], [])
        pending = list(executions)
        began = time.monotonic()
        for attempt in range(1, step.retry.inline_attempts + 1):
            if not pending:
                break
            wait = inline_wait(step.retry, attempt)
            is_last = attempt == step.retry.inline_attempts
            is_last = is_last or time.monotonic() - began + wait > step.retry.inline_budget.total_seconds()
            parts = await self._commit(step, pending, attempt, permit, is_last=is_last)
            for part in parts:
                ran.outcomes.extend(part.outcomes)
                ran.not_begun.extend(part.not_begun)
            if pending := [execution for part in parts for execution in part.again]:
                await asyncio.sleep(wait)
        return ran

    async def _commit(
        self, step: Step, executions: Sequence[Execution], attempt: int, permit: Permit, *, is_last: bool
    ) -> list[CommitResult]:
        async def commit(part: Sequence[Execution]) -> CommitResult:
            capacity = permit.capacity  # each letter of an earlier part reduces it
            result = await self._database.run(
                lambda connection: self._unit(connection, step, part, attempt, capacity, is_last=is_last)
            )
            _record(permit, result)
            return result

        def refused(execution: Execution, error: StoreRefusedError) -> CommitResult:
            letter = self._ledger_writer.letter(execution, store_failure(error), self._clock())
            result = CommitResult([DeadLettered(execution.source, letter, is_new=True)])
            _record(permit, result)
            return result

        return await isolate_refused(executions, commit, refused)

    def _unit(
        self,
        connection: Connection,
        step: Step,
        executions: Sequence[Execution],
        attempt: int,
        capacity: int,
        *,
        is_last: bool,
    ) -> CommitResult:
        now = self._clock()
        batch = _Batch(connection, self._ports, step, executions)
        known = ledger.find(connection, (execution.ledger_id for execution in executions))
        result = CommitResult()
        for number, execution in enumerate(executions):
            if capacity == 0:
                result.not_begun += executions[number:]
                break
            row = known.get(execution.ledger_id)
            recalled = None if row is None else self._ledger_writer.recorded_outcome(execution, row, now)
            if recalled is not None:
                result.outcomes.append(recalled)
                batch.note_recalled(execution, recalled)
                continue
            execution.attempts = attempt
            outcome = self._execute(batch, execution, row, now, is_last=is_last)
            if outcome is None:
                result.again.append(execution)
                continue
            result.outcomes.append(outcome)
            known[execution.ledger_id] = batch.last_row
            if isinstance(outcome, DeadLettered) and outcome.letter.failure_class in FLOODING:
                capacity -= 1
        batch.flush(to_us(now))
        return result

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
            raise  # a port could not query the store, not the action's failure: nothing of the batch is committed
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


def _record(permit: Permit, result: CommitResult) -> None:
    for outcome in result.outcomes:
        if outcome.is_new:
            permit.record(outcome.letter.failure_class if isinstance(outcome, DeadLettered) else None)


def drive(coroutine: Coroutine[Any, Any, Event]) -> Event:
    """Run an action to its end without an event loop, as ports of the store never wait.

    Raise the action's exception, or RuntimeError when it waits for something that is not a port.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    coroutine.close()
    msg = "the action waits for something that is not a port of the store; ask for Effects and call it through `once`"
    raise RuntimeError(msg)


def checked(step: Step, result: object) -> Event:
    """Return the result if the step may emit it. Raise TypeError otherwise."""
    if type(result) in step.emits:
        return result  # type: ignore[return-value]
    named = " or ".join(event.__name__ for event in step.emits)
    msg = f"{step.name} returned {type(result).__name__} and may state {named}"
    raise TypeError(msg)


def skip_failure(execution: Execution, now: datetime, cancelled: Collection[str]) -> Failure | None:
    """Return why the action must not run: its event expired, its run (by id) was cancelled, or it is stale."""
    expiry = execution.envelope.expiry_time
    if expiry is not None and datetime.fromisoformat(expiry) <= now:
        return EXPIRED
    if execution.envelope.correlation_id in cancelled:
        return CANCELLED
    return STALE if needs_decision(execution, now) else None


def inline_wait(retry: RetryPolicy, attempt: int) -> float:
    """Return the seconds to wait after this attempt: 50 ms x4 per attempt, full jitter."""
    return random.random() * retry.inline_delay.total_seconds() * float(4 ** (attempt - 1))  # noqa: S311
