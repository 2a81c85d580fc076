"""The port Effects: commits the intent of an outside call before the call, and makes each call once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from actions.errors import PermanentError, TransientError, UncertainError
from actions.ports import Receipt
from streams.engine.execution import Execution, MadeCall
from streams.engine.intents import IntentLog
from streams.failpoints import reach
from streams.store import letters
from streams.store.effects import Claim, Claimed, Mark, Verdict
from streams.store.engine import StoreError, StoreUnavailableError
from streams.store.schema import CALLED, RELEASED


class ExecutionEffects:
    """The port Effects for one execution; see `actions.ports.Effects`."""

    def __init__(self, intents: IntentLog, execution: Execution, *, may_repeat: bool) -> None:
        """`may_repeat`: an interrupted call of this execution may be repeated."""
        self._intents = intents
        self._execution = execution
        self._may_repeat = may_repeat
        self._mark: Mark | None = None
        self.has_called = False
        """Whether the call was started."""
        self.call: MadeCall | None = None
        """The call that this execution made, now or in an earlier attempt."""

    @property
    def key(self) -> str:
        """See `actions.ports.Effects.key`."""
        return self._execution.effect_key

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The outcome, once it is known. A call without one stays an intent, which means uncertain."""
        return () if self._mark is None else (self._mark,)

    async def once(self, call: Callable[[], Awaitable[str]]) -> Receipt:
        """See `actions.ports.Effects.once`."""
        receipt = self._earlier() if self.has_called else await self._claimed()
        if receipt is not None:
            return receipt
        key, self._mark, self.has_called = self.key, None, True
        try:
            reach("call.before")
            reference = await call()
            reach("call.after")
        except (TransientError, PermanentError):
            self._mark = Mark(key, self._execution.ledger_id, RELEASED, None)
            raise
        except UncertainError:
            raise
        except Exception as error:
            # The adapter failed in an unexpected way, so nobody can tell whether the call happened.
            msg = f"the call failed with {type(error).__name__}, so whether it happened is not known"
            raise UncertainError(msg) from error
        self._mark = Mark(key, self._execution.ledger_id, CALLED, reference)
        self.call = MadeCall(key, reference)
        return Receipt(reference, is_mine=True)

    def _earlier(self) -> Receipt | None:
        """Return the receipt of an earlier attempt's call; None when it was certainly not made."""
        if self._mark is None:
            action = self._execution.step.action.kebab
            raise UncertainError(f"{action} does not know what became of its call and must not repeat it")
        return Receipt(self._mark.reference or "", is_mine=True) if self._mark.status == CALLED else None

    async def _claimed(self) -> Receipt | None:
        """Claim the call. Return the receipt of an earlier call; None when it has to be made now."""
        claimed = await self._claim(claim_of(self._execution, may_repeat=self._may_repeat))
        if claimed.verdict is Verdict.CALLED:
            if claimed.is_mine:
                self.call = MadeCall(self.key, claimed.reference)
            return Receipt(claimed.reference, is_mine=claimed.is_mine)
        if claimed.verdict is Verdict.REFUSED:
            return Receipt("", is_mine=False, refused=claimed.refusal)
        if claimed.verdict is Verdict.PENDING:
            return Receipt("", is_mine=False, is_pending=True)
        if claimed.verdict is Verdict.UNCERTAIN:
            raise cut_off(self._execution)
        return None

    async def _claim(self, claim: Claim) -> Claimed:
        try:
            return await self._intents.claim(claim)
        except StoreError:
            raise
        except Exception as error:
            # Not the action's failure: a letter would hide an intent that was written. The batch is retried.
            msg = f"whether an intent was written is not known: {type(error).__name__}"
            raise StoreUnavailableError(msg) from error


def claim_of(execution: Execution, *, may_repeat: bool) -> Claim:
    """Return this execution's claim to make its call."""
    action = execution.step.action.kebab
    effect = execution.step.action.effect
    return Claim(
        execution.effect_key,
        execution.ledger_id,
        action,
        may_repeat,
        _decided_us(execution),
        execution.contact_key or "",
        "nothing" if effect is None else effect.requires,
    )


def made_by(execution: Execution, standing: Mapping[str, Sequence[Any]]) -> MadeCall | None:
    """Return the call that this execution made, from the rows of `store.effects.standing`; None when it made none.

    It is read from the row, not from the result, so a result repeated from the ledger has the same headers.
    """
    key = execution.effect_key
    row = standing.get(key)
    if row is None or bytes(row[0]) != execution.ledger_id or row[1] != CALLED:
        return None
    return MadeCall(key, row[2] or "")


def cut_off(execution: Execution) -> UncertainError:
    """Return the error of an execution whose earlier call has no known outcome."""
    return UncertainError(
        f"{execution.step.action.kebab} was cut off between call and outcome;"
        " look at the other side, then replay or discard"
    )


def _decided_us(execution: Execution) -> int | None:
    # Who replays an UNCERTAIN letter has checked the other side and decided to repeat the call of that letter.
    if execution.request is None or execution.request.failure_class != "uncertain":
        return None
    return letters.microseconds(execution.request.time)
