"""Finds, in the topics, people whose phone an older build read otherwise than today's rules do.

A contact has the number as it was read and not as it was typed: only the lead tells what today's rules make of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import orjson
from sqlalchemy.engine import Connection

from actions.normalise.lead import read_lead
from actions.ports import Identity
from streams.kafka.log import Log, read_at
from streams.operations.recovery.contact_keys import Rekeyed, Report, add_aliases
from streams.store.bulk import select_in
from streams.store.engine import Database
from streams.store.schema import contacts
from topics.decode import Position, Record, decode
from topics.events import LeadReceived, LeadValidated
from topics.failures import DecodeError
from topics.registry import TopicNames

_POSITION = "ce_position"
Place = tuple[str, int, int]


async def alias_older_leads(
    database: Database,
    log: Log,
    names: TopicNames,
    identity: Identity,
    default_region: str,
    since_ms: int,
    report: Report = lambda done, total: None,  # noqa: ARG005
) -> Rekeyed:
    """Read leads without e-mail again that were validated since a moment, and compare their keys with today's.

    Leads that the topics no longer hold are left as they are.
    """
    ranges = await log.since(names.of(LeadValidated), since_ms)
    total = sum(end - begin for begin, end in ranges.values())
    read = 0
    done = Rekeyed(0, 0, 0)
    async for batch in log.read(ranges):
        read += len(batch)
        keys = _keys_of_phones(batch)
        changed: dict[str, str] = {}
        for place, record in (await read_at(log, list(keys))).items() if keys else ():
            today = _key_of(record, identity, default_region)
            if today is not None and today != keys[place]:
                changed[today] = keys[place]
        made, twice = await database.run(partial(_add, changed=changed)) if changed else (0, 0)
        done = Rekeyed(done.contacts + len(keys), done.aliases + made, done.twice + twice)
        report(read, total)
    return done


def _keys_of_phones(records: Sequence[Record]) -> dict[Place, str]:
    """Return the contact keys of leads without e-mail by the place of the lead."""
    keys: dict[Place, str] = {}
    for record in records:
        place = next((raw for name, raw in record.headers if name == _POSITION), None)
        try:
            event = orjson.loads(record.value or b"null")
            if event["lead"].get("email") is None and place is not None:
                keys[_place(place.decode())] = str(event["contact_key"])
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # somebody else wrote it
    return keys


def _place(position: str) -> Place:
    topic, partition, offset = position.rsplit("/", 2)
    return topic, int(partition), int(offset)


def _key_of(record: Record, identity: Identity, default_region: str) -> str | None:
    try:
        event = decode(record.value, list(record.headers), LeadReceived, Position.of(record)).event
        assert isinstance(event, LeadReceived)  # noqa: S101 - for the type checker: it was asked for
        lead = read_lead(event, default_region).lead
    except DecodeError:
        return None
    if lead.email is None and lead.phone is None:
        return None
    return identity.contact_key(email=lead.email, phone=lead.phone)


def _add(connection: Connection, changed: dict[str, str]) -> tuple[int, int]:
    stored = {
        row[0]
        for row in select_in(connection, (contacts.c.contact_key,), contacts.c.contact_key, changed.values())
    }
    return add_aliases(connection, {new: old for new, old in changed.items() if old in stored})
