"""The action that looks up whether the contact is known, and lists similar contacts."""

from __future__ import annotations

from actions.action import action
from actions.ports import Contacts
from topics.events import LeadMatched, LeadValidated

_CERTAIN = 1.0
_NONE = 0.0


@action(version=1)
async def find_duplicates(lead: LeadValidated, *, contacts: Contacts) -> LeadMatched:
    """Look the contact up by its identity (`same`, else `new`) and list others with its phone as candidates.

    `rule` is the identity that matched, `email` or `phone`; `none` (score 0) when nothing did. A candidate is
    never joined here: that is a merge, reversible, and not this action's to decide. Somebody who is stored under
    an older key goes on under that one.
    """
    stored = await contacts.get(lead.contact_key)
    is_known, contact_key = stored is not None, lead.contact_key if stored is None else stored.contact_key
    phone = lead.lead.phone
    candidates = await contacts.sharing_phone(phone, besides=contact_key) if phone else ()
    identity = "email" if lead.lead.email else "phone"
    return LeadMatched(
        lead_id=lead.lead_id,
        contact_key=contact_key,
        verdict="same" if is_known else "new",
        rule=identity if is_known else "none",
        score=_CERTAIN if is_known else _NONE,
        candidates=list(candidates),
        origin=lead.origin,
        lead=lead.lead,
    )
