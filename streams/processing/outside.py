"""This file runs executions that call the outside world: intent before, outcome after, a few at a time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from actions.action import ActionSpec
from actions.errors import PermanentError, TransientError, UncertainError
from actions.ports import Effects, Receipt
from streams.failpoints import reach
from streams.ports import Ports, envelope_argument
from streams.processing.failures import ID_REUSED, Failure, failure_of, store_failure
from streams.processing.gate import Finish, Gate
from streams.processing.memory import Scribe
from streams.processing.pauses import Pauses, Permit, StoppingError
from streams.processing.transaction import Clock, checked, inline_wait, not_to_run
from streams.processing.work import Lettered, Outcome, Ran, Stated, Work, to_us
from streams.store import ledger, letters
from streams.store.effects import Claim, Mark, Verdict
from streams.store.engine import Database, StoreError, StoreRefusedError
from streams.store.ledger import LedgerRow
from streams.store.schema import CALLED, RELEASED
from streams.workflow import Step
from topics.events import Event

__all__ = ["ExecutionEffects", "OutsideRunner", "StoppingError"]


class ExecutionEffects:
    """The port Effects for one execution; see `actions.ports.Effects`."""

    def __init__(self, gate: Gate, work: Work, *, may_repeat: bool) -> None:
        """`may_repeat`: a call of this execution that was cut off may be made again."""
        self._gate = gate
        self._work = work
        self._may_repeat = may_repeat
        self._held: dict[str, Mark | None] = {}
        self.has_called = False
        """Whether it got as far as calling."""

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Outcomes known so far; a call without one stays an intent, which says: uncertain."""
        return tuple(mark for mark in self._held.values() if mark is not None)

    async def once(self, key: str, call: Callable[[], Awaitable[str]]) -> Receipt:
        """See `actions.ports.Effects.once`."""
        action = self._work.step.action.kebab
        if key in self._held:
            held = self._held[key]
            if held is None:
                raise UncertainError(f"{action} does not know what became of its call and must not repeat it")
            if held.status == CALLED:
                return Receipt(held.reference or "", is_mine=True)
        else:
            claim = Claim(key, self._work.ledger_id, action, self._may_repeat, _decided_us(self._work))
            claimed = await self._gate.claim(claim)
            if claimed.verdict is Verdict.CALLED:
                return Receipt(claimed.reference, is_mine=claimed.is_mine)
            if claimed.verdict is Verdict.PENDING:
                return Receipt("", is_mine=False, is_pending=True)
            if claimed.verdict is Verdict.UNCERTAIN:
                raise UncertainError(
                    f"{action} was cut off between call and outcome; look at the other side, then replay or discard"
                )
        self._held[key] = None
        self.has_called = True
        try:
            reach("call.before")
            reference = await call()
            reach("call.after")
        except (TransientError, PermanentError):
            self._held[key] = Mark(key, self._work.ledger_id, RELEASED, None)
            raise
        except UncertainError:
            raise
        except Exception as error:
            # An adapter that fails in a way it does not know itself: whether the call happened cannot be said.
            msg = f"the call failed with {type(error).__name__}, so whether it happened is not known"
            raise UncertainError(msg) from error
        self._held[key] = Mark(key, self._work.ledger_id, CALLED, reference)
        return Receipt(reference, is_mine=True)


class OutsideRunner:
    """Runs steps whose actions call the outside world through `Effects`."""

    def __init__(  # noqa: PLR0913 - it is where the parts meet
        self,
        database: Database,
        ports: Ports,
        scribe: Scribe,
        clock: Clock,
        gate: Gate,
        *,
        pauses: Pauses,
        lanes: Mapping[str, int],
        repeats: Mapping[str, bool],
    ) -> None:
        """Take per action how many calls go out at once (`lanes`) and whether one that was cut off is repeated."""
        self._database = database
        self._ports = ports
        self._scribe = scribe
        self._clock = clock
        self._gate = gate
        self._pauses = pauses
        self._lanes = lanes
        self._repeats = repeats
        self._is_stopping = False

    def stop(self) -> None:
        """Begin no further execution; those under way are finished."""
        self._is_stopping = True

    async def run(
        self, step: Step, works: Sequence[Work], is_taken: Callable[[], bool] = lambda: False
    ) -> Ran:
        """Execute the works, each with its own commits. One outcome per work begun; none begins while the step pauses.

        `is_taken` says whether the records went to another worker meanwhile: no further execution is begun then. Raises
        `StoreUnavailableError`, or `StoppingError` when some were not begun; what is done is in the ledger.
        """
        outcomes, todo = await self._recall(works)
        chains: dict[str, deque[tuple[Work, LedgerRow | None]]] = {}
        for work, row in todo:
            # What is about one contact goes out in order: two mails to it must not race for the same effect.
            chains.setdefault(work.contact_key or work.lead_id, deque()).append((work, row))
        queue = deque(chains.values())
        held: list[deque[tuple[Work, LedgerRow | None]]] = []

        async def lane() -> None:
            last: Awaitable[Outcome] | None = None
            try:
                while queue:
                    chain = queue.popleft()
                    while chain:
                        if self._is_stopping or is_taken():
                            raise StoppingError
                        permit = self._pauses.begin(step.name)
                        if permit is None:
                            held.append(chain)
                            return
                        is_probe = permit.is_probe
                        work, row = chain.popleft()
                        try:
                            finish, outcome = await self._execute(step, work, row, permit)
                        finally:
                            permit.end()
                        # An outcome is handed in at once and waited for after the next call, whose intent was committed
                        # with it: half the commits. What is about the same contact waits for it before.
                        before, last = last, self._end(work, outcome, finish, self._gate.finish(finish))
                        if before is not None:
                            outcomes.append(await before)
                        if chain:
                            before, last = last, None
                            outcomes.append(await before)
                        if is_probe:
                            held.append(chain)
                            return  # all lanes begin anew, or none
            finally:
                if last is not None:
                    outcomes.append(await last)

        lanes = [asyncio.create_task(lane()) for _ in range(min(len(queue), self._lanes.get(step.name, 1)))]
        try:
            await asyncio.gather(*lanes)
        except BaseException:
            # The first lane that fails must not leave the others calling on their own: wait for what is on the wire.
            queue.clear()
            await asyncio.gather(*lanes, return_exceptions=True)
            raise
        return Ran(outcomes, [work for chain in (*held, *queue) for work, _ in chain])

    async def _recall(
        self, works: Sequence[Work]
    ) -> tuple[list[Outcome], list[tuple[Work, LedgerRow | None]]]:
        now = self._clock()
        unique: dict[bytes, list[Work]] = {}
        for work in works:
            unique.setdefault(work.ledger_id, []).append(work)
        known = await self._database.run(lambda connection: ledger.find(connection, unique))
        outcomes: list[Outcome] = []
        todo: list[tuple[Work, LedgerRow | None]] = []
        noop: list[str] = []
        for ledger_id, same in unique.items():
            row = known.get(ledger_id)
            first: Work | None = None
            for work in same:
                if first is not None:
                    # Copies in this batch are the same record once more, unless they say something else.
                    if work.request is None and work.decoded.digest != first.decoded.digest:
                        letter = self._scribe.letter(work, ID_REUSED, now)
                        outcomes.append(Lettered(work.source, letter, is_new=True))
                    continue
                outcome = None if row is None else self._scribe.recall(work, row, now)
                if outcome is None:
                    first = work
                    todo.append((work, row))
                    continue
                outcomes.append(outcome)
                if work.request is not None and isinstance(outcome, Stated):
                    noop.append(work.request.id)
        if noop:
            await self._database.run(lambda connection: letters.resolve(connection, noop, "noop", to_us(now)))
        return outcomes, todo

    async def _execute(
        self, step: Step, work: Work, row: LedgerRow | None, permit: Permit
    ) -> tuple[Finish, Outcome]:
        """Run the action; gives what is to be written and what came of it when that is written."""
        began = time.perf_counter_ns()
        effects = ExecutionEffects(self._gate, work, may_repeat=self._repeats.get(step.name, False))
        answer: Event | Failure | None = not_to_run(work, self._clock(), self._pauses.cancelled)
        if answer is None:
            answer = await self._attempt(step, work, effects)
        _tell(permit, answer, effects)
        now = self._clock()
        duration = (time.perf_counter_ns() - began) // 1000
        resolves = None
        outcome: Outcome
        mine: LedgerRow
        if not isinstance(answer, Failure):
            try:
                mine = self._scribe.succeeded(work, answer, duration, now)
            except Exception as error:  # noqa: BLE001 - a result that cannot be stated becomes a letter
                answer = failure_of(error)
        if isinstance(answer, Failure):
            mine, letter = self._scribe.failed(work, answer, duration, now)
            outcome = Lettered(work.source, letter, is_new=True)
        else:
            outcome = Stated(work, mine, answer)
            resolves = None if work.request is None else work.request.id
        return Finish(mine, None if row is None else row.generation, effects.marks, resolves), outcome

    async def _end(
        self, work: Work, outcome: Outcome, finish: Finish, finished: Awaitable[LedgerRow]
    ) -> Outcome:
        try:
            counted = await finished
        except StoreRefusedError as error:
            # What was called stays an intent: a replay finds it uncertain and does not call again by itself.
            letter = self._scribe.letter(work, store_failure(error), self._clock())
            return Lettered(work.source, letter, is_new=True)
        if counted is finish.row:
            return outcome
        recalled = self._scribe.recall(work, counted, self._clock())
        if recalled is None:
            raise StoppingError  # another worker is at a later generation of this very letter: leave it to it
        return recalled

    async def _attempt(self, step: Step, work: Work, effects: ExecutionEffects) -> Event | Failure:
        """Attempts until the policy's inline budget is spent."""
        retry, action = step.retry, step.action
        arguments = self._arguments(action, work, effects)
        began = time.monotonic()
        while True:
            work.attempts += 1
            try:
                return checked(step, await action.function(work.event, **arguments))
            except TransientError as error:
                wait = inline_wait(retry, work.attempts)
                is_spent = time.monotonic() - began + wait > retry.inline_budget.total_seconds()
                is_throttled = (
                    error.retry_after is not None
                )  # the other side said when: asking sooner is rude
                if self._is_stopping or is_spent or is_throttled or work.attempts >= retry.inline_attempts:
                    return failure_of(error)
                await asyncio.sleep(wait)
            except StoreRefusedError as error:
                return store_failure(error)
            except StoreError:
                raise  # the claim could not be written: not the action's failure, the batch comes again
            except Exception as error:  # noqa: BLE001 - whatever an action raises becomes a letter
                return failure_of(error)

    def _arguments(self, action: ActionSpec, work: Work, effects: ExecutionEffects) -> dict[str, Any]:
        mine = {name: effects for name, port in action.ports.items() if port is Effects}
        return self._ports.shared_for(action) | mine | envelope_argument(action, work.envelope)


def _tell(permit: Permit, answer: Event | Failure, effects: ExecutionEffects) -> None:
    if isinstance(answer, Failure):
        permit.tell(answer.failure_class, has_called=effects.has_called, retry_after=answer.retry_after)
    else:
        permit.tell(None, has_called=effects.has_called)


def _decided_us(work: Work) -> int | None:
    # A person who replays an UNCERTAIN letter has looked, and asks for the call again: for the one it tells of.
    if work.request is None or work.request.failure_class != "uncertain":
        return None
    return letters.microseconds(work.request.time)
