"""This file is the port Effects: an outside call is intended in the store before it is made, and made once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from actions.errors import PermanentError, TransientError, UncertainError
from actions.ports import Receipt
from streams.engine.execution import Execution
from streams.engine.intents import IntentLog
from streams.failpoints import reach
from streams.store import letters
from streams.store.effects import Claim, Claimed, Mark, Verdict
from streams.store.engine import StoreError, StoreUnavailableError
from streams.store.schema import CALLED, RELEASED


class ExecutionEffects:
    """The port Effects for one execution; see `actions.ports.Effects`."""

    def __init__(self, intents: IntentLog, execution: Execution, *, may_repeat: bool) -> None:
        """`may_repeat`: a call of this execution that was cut off may be made again."""
        self._intents = intents
        self._work = execution
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
        if key in self._held:
            held = self._held[key]
            if held is None:
                action = self._work.step.action.kebab
                raise UncertainError(f"{action} does not know what became of its call and must not repeat it")
            if held.status == CALLED:
                return Receipt(held.reference or "", is_mine=True)
        else:
            claimed = await self._claim(claim_of(self._work, key, may_repeat=self._may_repeat))
            if claimed.verdict is Verdict.CALLED:
                return Receipt(claimed.reference, is_mine=claimed.is_mine)
            if claimed.verdict is Verdict.PENDING:
                return Receipt("", is_mine=False, is_pending=True)
            if claimed.verdict is Verdict.UNCERTAIN:
                raise cut_off(self._work)
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

    async def _claim(self, claim: Claim) -> Claimed:
        try:
            return await self._intents.claim(claim)
        except StoreError:
            raise
        except Exception as error:
            # Not the action's failure: as a letter it would hide an intent that was written. The batch comes again.
            msg = f"whether an intent was written is not known: {type(error).__name__}"
            raise StoreUnavailableError(msg) from error


def claim_of(execution: Execution, key: str, *, may_repeat: bool) -> Claim:
    """Say what this execution asks for when it asks for the call with this key."""
    return Claim(key, execution.ledger_id, execution.step.action.kebab, may_repeat, _decided_us(execution))


def cut_off(execution: Execution) -> UncertainError:
    """Give what the action is told whose earlier call has no known outcome."""
    return UncertainError(
        f"{execution.step.action.kebab} was cut off between call and outcome;"
        " look at the other side, then replay or discard"
    )


def _decided_us(execution: Execution) -> int | None:
    # A person who replays an UNCERTAIN letter has looked, and asks for the call again: for the one it tells of.
    if execution.request is None or execution.request.failure_class != "uncertain":
        return None
    return letters.microseconds(execution.request.time)
