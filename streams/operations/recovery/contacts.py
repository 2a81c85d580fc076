"""Brings contacts up to date from results: merges the same leads again and sets the assigned owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson
from sqlalchemy.engine import Connection

from actions.merge import fields_of, merge
from actions.ports import FieldValue, StoredContact
from streams.engine.transaction import drive
from streams.store import ledger
from streams.store.contacts import SqlContacts
from topics.decode import Decoded
from topics.envelope import Envelope
from topics.events import ContactUpserted, Event, Lead, LeadAssigned, LeadMatched, Origin


def take(
    connection: Connection, results: Sequence[Decoded], edited: Mapping[str, Event], now_us: int
) -> None:
    """Apply to contacts, in order, what these results changed; the store did not have the results before.

    The merge is commutative and idempotent, so merging the leads that the results name yields the lost contact.
    `edited` holds, by event id, the events that people edited: the actions ran on these.
    """
    contacts = SqlContacts(connection, [result.event for result in results])
    causes = _causes(connection, results, edited)
    for result in results:
        if isinstance(result.event, ContactUpserted):
            drive(
                _merge(
                    contacts, result.event, causes.get(result.envelope.causation_id or ""), result.envelope
                )
            )
        elif isinstance(result.event, LeadAssigned):
            drive(_assign(contacts, result.event))
        contacts.keep()
    contacts.flush(now_us)


def _causes(
    connection: Connection, results: Sequence[Decoded], edited: Mapping[str, Event]
) -> dict[str, LeadMatched]:
    """Return, by event id, the lead that each `ContactUpserted` merged: the ledger has it as a result."""
    wanted = {
        result.envelope.causation_id: key
        for result in results
        if isinstance(result.event, ContactUpserted)
        and result.envelope.causation_id is not None
        and (key := _key(result.envelope.causation_id)) is not None
    }
    rows = ledger.find(connection, wanted.values())
    matched = {
        cause: LeadMatched.model_validate(orjson.loads(rows[key].result or b"{}"), extra="ignore")
        for cause, key in wanted.items()
        if key in rows and rows[key].result_type == LeadMatched.type
    }
    return matched | {cause: event for cause in wanted if isinstance(event := edited.get(cause), LeadMatched)}


def _key(event_id: str) -> bytes | None:
    try:
        return bytes.fromhex(event_id.replace("-", ""))
    except ValueError:
        return None


async def _merge(
    contacts: SqlContacts, event: ContactUpserted, cause: LeadMatched | None, envelope: Envelope
) -> Event:
    stored = await contacts.get(event.contact_key)
    known = stored or StoredContact(event.contact_key, event.contact_id)
    fields = _as_shown(event, known, envelope) if cause is None else fields_of(cause.lead, cause.origin)
    merged = merge(known.fields, fields)
    await contacts.save(replace(known, fields=merged, revision=max(known.revision, event.revision)))
    return event


def _as_shown(event: ContactUpserted, known: StoredContact, envelope: Envelope) -> dict[str, FieldValue]:
    """Return the fields that the event shows, because no record of the lead that changed them is left."""
    shown = Lead(**{name: value for name, value in event.contact if value is not None})
    fields = fields_of(shown, Origin(event_id=envelope.id, source=envelope.source, time=envelope.time))
    return {
        name: field
        for name, field in fields.items()
        if name not in known.fields or known.fields[name].value != field.value
    }


async def _assign(contacts: SqlContacts, event: LeadAssigned) -> Event:
    stored = await contacts.get(event.contact_key)
    if stored is not None and stored.owner_id != event.owner.id:
        await contacts.save(replace(stored, owner_id=event.owner.id))
    return event
