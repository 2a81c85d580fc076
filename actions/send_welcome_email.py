"""The action that welcomes a contact by e-mail, once."""

from __future__ import annotations

from datetime import timedelta

from actions.action import Effect, action
from actions.ports import Effects, Mailer, WelcomeTemplate
from actions.quiet_origins import quiet_reason
from topics.envelope import Envelope
from topics.events import LeadAssigned, LeadWelcomed

GREETS_WITHIN = timedelta(days=2)
"""A welcome that comes later than this is odd: a person decides."""


@action(
    version=1,
    effect=Effect(
        "welcome:{contact_key}",
        scope="contact",
        when_uncertain="ask",
        requires="no-objection",
        reference_field="message_id",
    ),
    max_age=GREETS_WITHIN,
    on_stale="ask",
    skip=lambda assigned: _skipped(assigned, "too-late"),
)
async def send_welcome_email(
    assigned: LeadAssigned, *, envelope: Envelope, template: WelcomeTemplate, mailer: Mailer, effects: Effects
) -> LeadWelcomed:
    """Welcome the contact unless it has no e-mail, came quietly (import, backfill), said no, or was welcomed before.

    Fails as `Mailer.send` and `Effects.once` do.
    """
    if assigned.contact.email is None:
        return _skipped(assigned, "no-email")
    quiet = quiet_reason(envelope.origin)
    if quiet is not None:
        return _skipped(assigned, quiet)
    # Written before the intent: a template that fails then leaves nothing that looks like a mail on its way.
    mail = template.render(key=effects.key, contact=assigned.contact, owner=assigned.owner)

    async def send() -> str:
        await mailer.send(mail)
        return mail.message_id

    receipt = await effects.once(send)
    if receipt.refused is not None:
        return _skipped(assigned, receipt.refused)
    if receipt.is_pending:
        return _skipped(assigned, "welcome-pending")
    if not receipt.is_mine:
        return _skipped(assigned, "already-welcomed")
    return LeadWelcomed(
        lead_id=assigned.lead_id,
        contact_key=assigned.contact_key,
        contact_id=assigned.contact_id,
        outcome="sent",
        message_id=receipt.reference,
    )


def _skipped(assigned: LeadAssigned, reason: str) -> LeadWelcomed:
    return LeadWelcomed(
        lead_id=assigned.lead_id,
        contact_key=assigned.contact_key,
        contact_id=assigned.contact_id,
        outcome="skipped",
        reason=reason,
    )
