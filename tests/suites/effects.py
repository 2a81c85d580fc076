"""Test what every adapter of the port Effects must do; subclasses provide the fixture `effects_of`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import pytest

from actions.errors import ActionError, PermanentError, TransientError, UncertainError
from actions.ports import Effects, Receipt


class EffectsOf(Protocol):
    """Return the port as one execution sees it; all executions share the same effects."""

    def __call__(self, event_id: str, *, key: str = "key") -> Effects:
        """Return the port for the event with this id, for which the action makes the call with this key."""
        ...


@dataclass
class Call:
    """An outside call that raises its `failures` first, one per call."""

    failures: list[ActionError] = field(default_factory=list)
    count: int = 0

    async def __call__(self) -> str:
        self.count += 1
        if self.failures:
            raise self.failures.pop(0)
        return f"reference {self.count}"


class EffectsSuite:
    async def test_a_call_is_made_once_and_its_reference_kept(self, effects_of: EffectsOf) -> None:
        call = Call()

        receipts = [await effects_of("first").once(call) for _ in range(2)]

        assert (receipts, call.count) == ([Receipt("reference 1", is_mine=True)] * 2, 1)

    async def test_another_event_learns_that_it_was_made_before(self, effects_of: EffectsOf) -> None:
        call = Call()
        await effects_of("first").once(call)

        receipt = await effects_of("second").once(call)

        assert (receipt, call.count) == (Receipt("reference 1", is_mine=False), 1)

    async def test_other_keys_are_other_calls(self, effects_of: EffectsOf) -> None:
        call = Call()
        await effects_of("first").once(call)

        receipt = await effects_of("first", key="other key").once(call)

        assert (receipt, call.count) == (Receipt("reference 2", is_mine=True), 2)

    @pytest.mark.parametrize("failure", [TransientError("SERVER_DOWN"), PermanentError("NO_SUCH_MAILBOX")])
    async def test_a_call_that_certainly_failed_may_be_made_again(
        self, effects_of: EffectsOf, failure: ActionError
    ) -> None:
        call = Call([failure])
        with pytest.raises(type(failure)):
            await effects_of("first").once(call)

        receipt = await effects_of("second").once(call)

        assert (receipt, call.count) == (Receipt("reference 2", is_mine=True), 2)

    async def test_an_uncertain_call_is_not_repeated_by_its_event(self, effects_of: EffectsOf) -> None:
        call = Call([UncertainError("cut off")])
        with pytest.raises(UncertainError):
            await effects_of("first").once(call)

        with pytest.raises(UncertainError):
            await effects_of("first").once(call)

        assert call.count == 1

    async def test_an_uncertain_call_is_pending_for_other_events(self, effects_of: EffectsOf) -> None:
        call = Call([UncertainError("cut off")])
        with pytest.raises(UncertainError):
            await effects_of("first").once(call)

        receipt = await effects_of("second").once(call)

        assert (receipt.is_pending, receipt.is_mine, call.count) == (True, False, 1)
