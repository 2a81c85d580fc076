"""The action that gives a contact its owner."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from actions.action import action
from actions.errors import PermanentError
from actions.ports import Contacts, Roster
from topics.events import ContactUpserted, LeadAssigned


@action(version=1)
async def assign_owner(contact: ContactUpserted, *, contacts: Contacts, roster: Roster) -> LeadAssigned:
    """Assign the owner that the contact has, while on the roster; else the next in turn.

    Raises PermanentError: CONTACT_MISSING, ROSTER_EMPTY.
    """
    stored = await contacts.get(contact.contact_key)
    if stored is None:
        raise PermanentError(
            "CONTACT_MISSING",
            f"contact {contact.contact_id} is not in the store; replay create-or-update-contact for its lead",
        )
    owners = roster.owners
    if not owners:
        raise PermanentError("ROSTER_EMPTY", "the roster is empty; add [[owners]] to leads.toml and replay")
    owner = next((owner for owner in owners if owner.id == stored.owner_id), None)
    turn = None
    if owner is not None:
        strategy: Literal["existing", "round-robin"] = "existing"
        candidates = [owner.id]
        reason = f"The contact already belongs to {owner.id}."
    else:
        turn = await roster.next_turn()
        owner = owners[turn % len(owners)]
        strategy = "round-robin"
        candidates = [each.id for each in owners]
        former = stored.owner_id
        why = f"Its owner {former} is no longer on the roster" if former else "The contact had no owner"
        reason = f"{why}; turn {turn} of the round is {owner.id}'s."
        await contacts.save(replace(stored, owner_id=owner.id))
    return LeadAssigned(
        lead_id=contact.lead_id,
        contact_key=contact.contact_key,
        contact_id=contact.contact_id,
        owner=owner,
        strategy=strategy,
        candidates=candidates,
        reason=reason,
        turn=turn,
        contact=contact.contact,
        source=contact.source,
        message=contact.message,
    )
