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
from streams.clock import Clock, to_us
from streams.engine.execution import Lettered, Outcome, Ran, Stated, Work
from streams.engine.failures import CANCELLED, EXPIRED, STALE, Failure, failure_of, store_failure
from streams.engine.ledger_entries import Scribe
from streams.engine.pauses import FLOODING, Pauses, Permit
from streams.engine.staleness import must_ask, skipped
from streams.store import ledger, letter_replays
from streams.store.engine import Database, StoreError, StoreRefusedError
from streams.store.ledger import LedgerRow
from streams.workflow import Ports, RetryPolicy, Step, Transactional, envelope_argument
from topics.events import Event


@dataclass(slots=True)
class Settled:
    """What one transaction came to."""

    outcomes: list[Outcome] = field(default_factory=list)
    again: list[Work] = field(default_factory=list)
    """Failed for the moment: nothing of them is committed, another attempt is left."""
    left: list[Work] = field(default_factory=list)
    """Not begun: there were letters enough."""


class TransactionRunner:
    """Runs steps whose actions decide over the store alone."""

    def __init__(
        self, database: Database, ports: Ports, scribe: Scribe, clock: Clock, pauses: Pauses
    ) -> None:
        """Take what a transaction needs; `clock` gives aware moments."""
        self._database = database
        self._ports = ports
        self._scribe = scribe
        self._clock = clock
        self._pauses = pauses

    async def run(self, step: Step, works: Sequence[Work]) -> Ran:
        """Execute the works and commit; transient failures get their inline attempts. One outcome per work begun.

        Raises `StoreUnavailableError`; what was committed until then is found in the ledger next time.
        """
        permit = self._pauses.begin(step.name)
        if permit is None:
            return Ran([], list(works))
        most = 1 if permit.is_probe else len(works)
        try:
            ran = await self._run(step, works[:most], permit)
        finally:
            permit.end()
        return Ran(ran.outcomes, [*ran.left, *works[most:]])

    async def _run(self, step: Step, works: Sequence[Work], permit: Permit) -> Ran:
        outcomes: list[Outcome] = []
        left: list[Work] = []
        pending = list(works)
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
        return Ran(outcomes, left)

    async def _commit(
        self, step: Step, works: Sequence[Work], attempt: int, permit: Permit, *, is_last: bool
    ) -> Settled:
        if not works:
            return Settled()
        room = permit.room

        def unit(connection: Connection) -> Settled:
            return self._unit(connection, step, works, attempt, room, is_last=is_last)

        try:
            settled = await self._database.run(unit)
        except StoreRefusedError as error:
            if len(works) > 1:
                # One row that the database refuses must not fail its neighbours: halve until it stands alone.
                middle = len(works) // 2
                first = await self._commit(step, works[:middle], attempt, permit, is_last=is_last)
                second = await self._commit(step, works[middle:], attempt, permit, is_last=is_last)
                return Settled(
                    first.outcomes + second.outcomes, first.again + second.again, first.left + second.left
                )
            letter = self._scribe.letter(works[0], store_failure(error), self._clock())
            settled = Settled([Lettered(works[0].source, letter, is_new=True)])
        for outcome in settled.outcomes:
            if outcome.is_new:
                permit.tell(outcome.letter.failure_class if isinstance(outcome, Lettered) else None)
        return settled

    def _unit(
        self,
        connection: Connection,
        step: Step,
        works: Sequence[Work],
        attempt: int,
        room: int,
        *,
        is_last: bool,
    ) -> Settled:
        now = self._clock()
        batch = _Batch(connection, self._ports, step, works)
        known = ledger.find(connection, (work.ledger_id for work in works))
        settled = Settled()
        for number, work in enumerate(works):
            if room == 0:
                settled.left += works[number:]
                break
            row = known.get(work.ledger_id)
            recalled = None if row is None else self._scribe.recall(work, row, now)
            if recalled is not None:
                settled.outcomes.append(recalled)
                batch.note_recalled(work, recalled)
                continue
            work.attempts = attempt
            outcome = self._execute(batch, work, row, now, is_last=is_last)
            if outcome is None:
                settled.again.append(work)
                continue
            settled.outcomes.append(outcome)
            known[work.ledger_id] = batch.last_row
            if isinstance(outcome, Lettered) and outcome.letter.failure_class in FLOODING:
                room -= 1
        batch.flush(to_us(now))
        return settled

    def _execute(
        self, batch: _Batch, work: Work, row: LedgerRow | None, now: datetime, *, is_last: bool
    ) -> Outcome | None:
        began = time.perf_counter_ns()
        if (refused := not_to_run(work, now, self._pauses.cancelled)) is not None:
            failed, letter = self._scribe.failed(work, refused, 0, now)
            batch.remember(failed, row)
            return Lettered(work.source, letter, is_new=True)
        try:
            result = skipped(work, now) or batch.call(work)
            done = self._scribe.succeeded(work, result, (time.perf_counter_ns() - began) // 1000, now)
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
            if work.request is not None:
                batch.resolved.append(work.request.id)
            return Stated(work, done, result)
        failed, letter = self._scribe.failed(work, failure, (time.perf_counter_ns() - began) // 1000, now)
        batch.remember(failed, row)
        return Lettered(work.source, letter, is_new=True)


class _Batch:
    """Adapters and rows of one transaction."""

    def __init__(self, connection: Connection, ports: Ports, step: Step, works: Sequence[Work]) -> None:
        self._connection = connection
        self._step = step
        self._adapters: dict[str, Transactional] = ports.open(
            step.action, connection, [work.event for work in works]
        )
        self._arguments: dict[str, Any] = ports.shared_for(step.action) | self._adapters
        self._new: list[LedgerRow] = []
        self._replaced: list[tuple[LedgerRow, int]] = []
        self.resolved: list[str] = []
        self._noop: list[str] = []
        self.last_row: LedgerRow

    def call(self, work: Work) -> Event:
        action = self._step.action
        arguments = self._arguments | envelope_argument(action, work.envelope)
        return checked(self._step, drive(action.function(work.event, **arguments)))  # type: ignore[arg-type]

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

    def note_recalled(self, work: Work, outcome: Outcome) -> None:
        if work.request is not None and isinstance(outcome, Stated):
            self._noop.append(work.request.id)

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
    if type(result) in step.states:
        return result  # type: ignore[return-value]
    named = " or ".join(event.__name__ for event in step.states)
    msg = f"{step.name} returned {type(result).__name__} and may state {named}"
    raise TypeError(msg)


def not_to_run(work: Work, now: datetime, cancelled: Collection[str]) -> Failure | None:
    """Say why the action is not to run: its event has expired, its run (by id) was cancelled, or it comes too late."""
    expiry = work.envelope.expiry_time
    if expiry is not None and datetime.fromisoformat(expiry) <= now:
        return EXPIRED
    if work.envelope.correlation_id in cancelled:
        return CANCELLED
    return STALE if must_ask(work, now) else None


def inline_wait(retry: RetryPolicy, attempt: int) -> float:
    """Seconds to wait after this attempt: 50 ms x4 per attempt, full jitter."""
    return random.random() * retry.inline_delay.total_seconds() * float(4 ** (attempt - 1))  # noqa: S311
