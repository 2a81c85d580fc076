"""The action that records that a person must not be written to any more, or may be again."""

from __future__ import annotations

from actions.action import action
from actions.normalise.suppression import read_suppression
from actions.ports import Identity, LeadRules, Suppressions
from topics.envelope import Envelope
from topics.events import ContactSuppressed, SuppressionRecorded


@action(version=1)
async def suppress_contact(
    suppressed: ContactSuppressed,
    *,
    envelope: Envelope,
    identity: Identity,
    rules: LeadRules,
    suppressions: Suppressions,
) -> SuppressionRecorded:
    """Keep the latest moment of each reason; in any order and however often, the same results.

    Raises PermanentError (EMAIL_INVALID, PHONE_INVALID, CONTACT_MISSING, …) when nobody can be recognised: a person has
    to look, because a no must not be lost.
    """
    found = read_suppression(suppressed, envelope, identity, rules)
    await suppressions.put(found.contact_key, found.reason, found.time)
    return SuppressionRecorded(
        lead_id=envelope.id, contact_key=found.contact_key, reason=found.reason, time=found.time
    )
