"""Runs executions that call the outside world: intent before, outcome after, a few at a time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from actions.action import ActionSpec
from actions.errors import TransientError
from actions.ports import Effects
from streams.clock import to_us
from streams.engine.effects import ExecutionEffects, made_by
from streams.engine.execution import DeadLettered, Execution, MadeCall, Outcome, RunResult, Succeeded
from streams.engine.failures import ID_REUSED, Failure, failure_of, store_failure
from streams.engine.handover import RecordBatch
from streams.engine.installation import Installation
from streams.engine.intents import Finish, IntentLog
from streams.engine.ledger_entries import LedgerWriter
from streams.engine.pauses import Pauses, Permit, StoppingError
from streams.engine.staleness import skipped
from streams.engine.transaction import checked, inline_wait, skip_failure
from streams.store import effects as effects_table
from streams.store import ledger, letter_replays
from streams.store.engine import StoreError, StoreRefusedError
from streams.store.ledger import LedgerRow
from streams.workflow import Step, envelope_argument
from topics.events import Event


class Todo(NamedTuple):
    """An execution to run, and what is known about its earlier attempts."""

    execution: Execution
    row: LedgerRow | None
    call: MadeCall | None
    """The call that an earlier attempt made, though its result could not be encoded."""


class _Chains:
    """Pending executions, grouped by contact: two mails to one contact must not race for the same effect."""

    def __init__(self, todo: Sequence[Todo]) -> None:
        chains: dict[str, deque[Todo]] = {}
        for each in todo:
            execution = each.execution
            chains.setdefault(execution.contact_key or execution.lead_id, deque()).append(each)
        self.waiting = deque(chains.values())
        self._held: list[deque[Todo]] = []

    def take(self) -> deque[Todo] | None:
        return self.waiting.popleft() if self.waiting else None

    def put_back(self, chain: deque[Todo]) -> None:
        if chain:
            self.waiting.appendleft(chain)

    def hold(self, chain: deque[Todo]) -> None:
        self._held.append(chain)

    @property
    def not_begun(self) -> list[Execution]:
        return [each.execution for chain in (*self._held, *self.waiting) for each in chain]


class ExternalCalls:
    """Runs steps whose actions call the outside world through `Effects`."""

    def __init__(self, installation: Installation, intents: IntentLog, pauses: Pauses) -> None:
        """Take the log of intents and outcomes, and the pauses of steps."""
        self._database = installation.database
        self._adapters = installation.adapters
        self._ledger_writer = LedgerWriter(installation.group)
        self._clock = installation.clock
        self._intents = intents
        self._pauses = pauses
        self._is_stopping = False

    def stop(self) -> None:
        """Start no further execution; those under way are finished."""
        self._is_stopping = True

    async def run(self, step: Step, executions: Sequence[Execution], batch: RecordBatch) -> RunResult:
        """Run the executions, each with its own commits. Return one outcome for each that was started.

        None starts while the step is paused, or once the batch is revoked. Raise `StoreUnavailableError`, or
        `StoppingError` when some were not started; what is done is in the ledger.
        """
        outcomes, todo = await self._recall(executions)
        chains = _Chains(todo)
        effect = step.action.effect
        lanes = [
            asyncio.create_task(self._lane(step, chains, outcomes, batch))
            for _ in range(min(len(chains.waiting), 1 if effect is None else effect.concurrency))
        ]
        try:
            await asyncio.gather(*lanes)
        except BaseException:
            # When one lane fails, the others must not keep calling unattended: wait for the calls under way.
            chains.waiting.clear()
            await asyncio.gather(*lanes, return_exceptions=True)
            raise
        return RunResult(outcomes, chains.not_begun)

    async def _lane(self, step: Step, chains: _Chains, outcomes: list[Outcome], batch: RecordBatch) -> None:
        last: Awaitable[Outcome] | None = None
        try:
            while chain := chains.take():
                if self._is_stopping or batch.is_revoked:
                    raise StoppingError
                permit = self._pauses.begin(step.name)
                if permit is None:
                    chains.hold(chain)
                    return
                is_probe = permit.is_probe
                todo = chain.popleft()
                try:
                    finish, outcome = await self._execute(step, todo, permit)
                finally:
                    permit.end()
                batch.note_progress()
                # Submit an outcome at once but await it after the next call: it then commits together with that
                # call's intent, which halves the commits. The next call for the same contact awaits it first.
                before, last = last, self._end(todo.execution, outcome, finish, self._intents.finish(finish))
                if before is not None:
                    outcomes.append(await before)
                if chain or is_probe:
                    before, last = last, None
                    outcomes.append(await before)
                chains.put_back(chain)
                if is_probe:
                    return  # after the probe all lanes restart, or none does
        finally:
            if last is not None:
                outcomes.append(await last)

    async def _recall(self, executions: Sequence[Execution]) -> tuple[list[Outcome], list[Todo]]:
        now = self._clock()
        unique: dict[bytes, list[Execution]] = {}
        for execution in executions:
            unique.setdefault(execution.ledger_id, []).append(execution)
        known, calls = await self._database.run(lambda connection: _known(connection, unique))
        outcomes: list[Outcome] = []
        todo: list[Todo] = []
        noop: list[str] = []
        for ledger_id, same in unique.items():
            row = known.get(ledger_id)
            first: Execution | None = None
            for execution in same:
                if first is not None:
                    # Copies in this batch are duplicates of the record, unless their content differs.
                    if execution.request is None and execution.decoded.digest != first.decoded.digest:
                        letter = self._ledger_writer.letter(execution, ID_REUSED, now)
                        outcomes.append(DeadLettered(execution.source, letter, is_new=True))
                    continue
                outcome = None if row is None else self._ledger_writer.recorded_outcome(execution, row, now)
                if outcome is None:
                    first = execution
                    todo.append(Todo(execution, row, calls.get(ledger_id)))
                    continue
                outcomes.append(_with_call(outcome, calls.get(ledger_id)))
                if execution.request is not None and isinstance(outcome, Succeeded):
                    noop.append(execution.request.id)
        if noop:
            await self._database.run(
                lambda connection: letter_replays.resolve(connection, noop, "noop", to_us(now))
            )
        return outcomes, todo

    async def _execute(self, step: Step, todo: Todo, permit: Permit) -> tuple[Finish, Outcome]:
        """Run the action. Return what to write, and the outcome that counts once it is written."""
        began = time.perf_counter_ns()
        execution, row = todo.execution, todo.row
        effects = ExecutionEffects(
            self._intents, execution, may_repeat=self._adapters.ports.may_repeat(step.action)
        )
        now = self._clock()
        answer: Event | Failure | None = skip_failure(execution, now, self._pauses.cancelled) or skipped(
            execution, now
        )
        if answer is None:
            answer = await self._attempt(step, execution, effects)
        _record(permit, answer, effects)
        now = self._clock()
        duration = (time.perf_counter_ns() - began) // 1000
        resolves = None
        outcome: Outcome
        written: LedgerRow
        if not isinstance(answer, Failure):
            try:
                written = self._ledger_writer.succeeded(execution, answer, duration, now)
            except Exception as error:  # noqa: BLE001 - a result that cannot be encoded becomes a letter
                answer = failure_of(error)
        if isinstance(answer, Failure):
            written, letter = self._ledger_writer.failed(execution, answer, duration, now)
            outcome = DeadLettered(execution.source, letter, is_new=True)
        else:
            outcome = Succeeded(execution, written, answer, effects.call or todo.call)
            resolves = None if execution.request is None else execution.request.id
        return Finish(written, None if row is None else row.generation, effects.marks, resolves), outcome

    async def _end(
        self, execution: Execution, outcome: Outcome, finish: Finish, finished: Awaitable[LedgerRow]
    ) -> Outcome:
        try:
            counted = await finished
        except StoreRefusedError as error:
            # The call stays an intent: a replay finds it uncertain and does not repeat it by itself.
            letter = self._ledger_writer.letter(execution, store_failure(error), self._clock())
            return DeadLettered(execution.source, letter, is_new=True)
        if counted is finish.row:
            return outcome
        recalled = self._ledger_writer.recorded_outcome(execution, counted, self._clock())
        if recalled is None:
            raise StoppingError  # another worker runs a later generation of this letter: leave it to that worker
        same = {execution.ledger_id: [execution]}
        _, calls = await self._database.run(lambda connection: _known(connection, same))
        return _with_call(recalled, calls.get(execution.ledger_id))

    async def _attempt(self, step: Step, execution: Execution, effects: ExecutionEffects) -> Event | Failure:
        """Run the action, and retry it until the policy's inline budget is spent."""
        retry, action = step.retry, step.action
        arguments = self._arguments(action, execution, effects)
        began = time.monotonic()
        while True:
            execution.attempts += 1
            try:
                return checked(step, await action.function(execution.event, **arguments))
            except TransientError as error:
                wait = inline_wait(retry, execution.attempts)
                is_spent = time.monotonic() - began + wait > retry.inline_budget.total_seconds()
                is_throttled = (
                    error.retry_after is not None
                )  # the other side set the time: do not call sooner
                if (
                    self._is_stopping
                    or is_spent
                    or is_throttled
                    or execution.attempts >= retry.inline_attempts
                ):
                    return failure_of(error)
                await asyncio.sleep(wait)
            except StoreRefusedError as error:
                return store_failure(error)
            except StoreError:
                raise  # the claim could not be written, which is not the action's failure: the batch is retried
            except Exception as error:  # noqa: BLE001 - whatever an action raises becomes a letter
                return failure_of(error)

    def _arguments(
        self, action: ActionSpec, execution: Execution, effects: ExecutionEffects
    ) -> dict[str, Any]:
        own = {name: effects for name, port in action.ports.items() if port is Effects}
        return self._adapters.ports.shared_for(action) | own | envelope_argument(action, execution.envelope)


def _known(
    connection: Connection, executions: Mapping[bytes, Sequence[Execution]]
) -> tuple[dict[bytes, LedgerRow], dict[bytes, MadeCall]]:
    """Return the ledger's rows of these executions, and the calls made by those that have a row."""
    rows = ledger.find(connection, executions)
    standing = effects_table.standing(connection, {executions[key][0].effect_key for key in rows})
    made = ((key, made_by(executions[key][0], standing)) for key in rows)
    return rows, {key: call for key, call in made if call is not None}


def _with_call(outcome: Outcome, call: MadeCall | None) -> Outcome:
    return outcome._replace(call=call) if isinstance(outcome, Succeeded) else outcome


def _record(permit: Permit, answer: Event | Failure, effects: ExecutionEffects) -> None:
    if isinstance(answer, Failure):
        permit.record(
            answer.failure_class,
            code=answer.code,
            has_called=effects.has_called,
            retry_after=answer.retry_after,
        )
    else:
        permit.record(None, has_called=effects.has_called)
