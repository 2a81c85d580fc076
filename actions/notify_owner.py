"""The action that notifies the owner of a lead."""

from __future__ import annotations

from typing import Literal

from actions.action import Effect, action
from actions.ports import Effects, Notifier
from actions.quiet_origins import quiet_reason
from topics.envelope import Envelope
from topics.events import LeadAssigned, OwnerNotified


# The run identifies the LeadReceived: a known lead id under another event id is notified again.
@action(
    version=1,
    effect=Effect("notify:{run}", scope="run", when_uncertain="ask", reference_field="reference"),
)
async def notify_owner(
    assigned: LeadAssigned, *, envelope: Envelope, notifier: Notifier, effects: Effects
) -> OwnerNotified:
    """Notify the owner of every lead, once per lead event, except imports and backfills.

    Fails as `Notifier.notify` and `Effects.once` do.
    """
    if notifier.channel == "none":
        return _stated(assigned, notifier, "skipped", reason="not-configured")
    quiet = quiet_reason(envelope.origin)
    if quiet is not None:
        return _stated(assigned, notifier, "skipped", reason=quiet)
    receipt = await effects.once(lambda: notifier.notify(key=effects.key, assigned=assigned))
    if receipt.is_pending:
        return _stated(assigned, notifier, "skipped", reason="notification-pending")
    if not receipt.is_mine:
        return _stated(assigned, notifier, "skipped", reason="already-notified")
    return _stated(assigned, notifier, "sent", reference=receipt.reference)


def _stated(
    assigned: LeadAssigned,
    notifier: Notifier,
    outcome: Literal["sent", "skipped"],
    *,
    reason: str | None = None,
    reference: str | None = None,
) -> OwnerNotified:
    return OwnerNotified(
        lead_id=assigned.lead_id,
        contact_key=assigned.contact_key,
        contact_id=assigned.contact_id,
        owner_id=assigned.owner.id,
        outcome=outcome,
        channel=notifier.channel,
        reason=reason,
        reference=reference,
    )
