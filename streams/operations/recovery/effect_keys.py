"""This file finds out which effects an execution stands for: asked of the action itself, or proven by its result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from actions.ports import Effects, Receipt
from streams.engine.execution import Execution
from streams.workflow import Ports, Workflow, WorkflowError, calls_outside, envelope_argument
from topics.envelope import Envelope
from topics.events import Event, LeadWelcomed, OwnerNotified

PROVING: tuple[type[Event], ...] = (LeadWelcomed, OwnerNotified)


def proven(event: Event, envelope: Envelope) -> tuple[str, str | None] | None:
    """Give key and reference of the call that a result says was made; None when it says that none was."""
    if isinstance(event, LeadWelcomed) and event.outcome == "sent":
        return f"welcome:{event.contact_key}", event.message_id
    if isinstance(event, OwnerNotified) and event.outcome == "sent":
        return f"notify:{envelope.correlation_id}", event.reference
    return None


def check_proofs(workflow: Workflow) -> None:
    """Raise `WorkflowError` when an action calls outside and nobody said here what its result proves."""
    for step in workflow.steps:
        unknown = [event.__name__ for event in step.emits if event not in PROVING]
        if calls_outside(step) and unknown:
            msg = f"{step.name} calls outside; say in operations/recovery/effect_keys.py what its {unknown[0]} proves"
            raise WorkflowError(msg)


class _Asking:
    """An `Effects` that calls nothing and remembers the keys."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def once(self, key: str, call: Callable[[], Awaitable[str]]) -> Receipt:  # noqa: ARG002 - the port's signature
        self.keys.append(key)
        return Receipt("", is_mine=True)


async def would_claim(work: Execution, ports: Ports) -> list[str]:
    """Keys of the calls that the action would make for this event now; none are made."""
    action = work.step.action
    asking = _Asking()
    mine = {name: asking for name, port in action.ports.items() if port is Effects}
    arguments = ports.shared_for(action) | mine | envelope_argument(action, work.envelope)
    try:
        await action.function(work.event, **arguments)
    except Exception:  # noqa: BLE001 - an action that fails here fails when it runs, too: then its letter tells
        return asking.keys
    return asking.keys
