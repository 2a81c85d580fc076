"""Finds the outside call of an execution: the one its result proves, or the one its action would make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from actions.action import Effect
from actions.ports import Effects, Receipt
from streams.engine.execution import Execution, MadeCall
from streams.workflow import Ports, envelope_argument
from topics.envelope import Envelope
from topics.events import Event


def proven(effect: Effect | None, event: Event, envelope: Envelope) -> MadeCall | None:
    """Return the call that a result proves by its headers; None when it was published without a call.

    Builds before these headers wrote none: for their results, the field with the call's reference proves it.
    """
    if envelope.effect is not None:
        return MadeCall(envelope.effect, envelope.effect_reference or "")
    if effect is None or effect.reference_field is None:
        return None
    reference = getattr(event, effect.reference_field, None)
    # Such results hold all that their keys are made of: the contact, and the run in the envelope.
    return None if reference is None else MadeCall(effect.key_of(event, envelope), reference)


class _Asking:
    """An `Effects` that makes no call and remembers whether one was requested."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.is_asked = False

    async def once(self, call: Callable[[], Awaitable[str]]) -> Receipt:  # noqa: ARG002 - the port's signature
        self.is_asked = True
        return Receipt("", is_mine=True)


async def would_claim(execution: Execution, ports: Ports) -> str | None:
    """Return the key of the call that the action would make for this event now; None when it would make none.

    No call is made. The action runs, because an action that skips the event claims nothing.
    """
    action = execution.step.action
    asking = _Asking(execution.effect_key)
    mine = {name: asking for name, port in action.ports.items() if port is Effects}
    arguments = ports.shared_for(action) | mine | envelope_argument(action, execution.envelope)
    with suppress(Exception):  # an action that fails here fails on a worker, too, and its letter shows that
        await action.function(execution.event, **arguments)
    return asking.key if asking.is_asked else None
