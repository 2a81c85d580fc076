"""The action that merges a lead into its contact."""

from __future__ import annotations

from dataclasses import replace

from actions.action import action
from actions.merge import changed_fields, contact_of, fields_of, merge
from actions.normalise.identity import newer_key
from actions.ports import Contacts, Identity, StoredContact
from topics import ids
from topics.events import Contact, ContactUpserted, LeadMatched

_NOBODY = Contact()


@action(version=1)
async def create_or_update_contact(
    lead: LeadMatched, *, contacts: Contacts, identity: Identity
) -> ContactUpserted:
    """Merge the lead's fields into the contact, field by field, by the time of the lead's event.

    The revision grows when a visible value changed. A later lead that only repeats known values advances their
    times, so that the merge does not depend on order, but is `unchanged` at the same revision. A lead that an older
    build validated makes no contact under the key of that build's rules.
    """
    key = lead.contact_key
    stored = await contacts.get(key)
    if stored is None and (today := newer_key(identity, lead.lead.email, lead.lead.phone)) is not None:
        key = today
        stored = await contacts.get(key)
    known = stored or StoredContact(key, ids.contact_id(key))
    fields = merge(known.fields, fields_of(lead.lead, lead.origin))
    before = contact_of(known.fields) if stored else _NOBODY
    after = contact_of(fields)
    changed = changed_fields(before, after)
    revision = known.revision + (1 if changed or stored is None else 0)
    if stored is None or changed or fields != known.fields:
        await contacts.save(replace(known, fields=fields, revision=revision))
    return ContactUpserted(
        lead_id=lead.lead_id,
        contact_key=known.contact_key,
        contact_id=known.contact_id,
        outcome="created" if stored is None else "updated" if changed else "unchanged",
        changed=changed,
        revision=revision,
        contact=after,
        source=lead.lead.source,
        message=lead.lead.message,
    )
