"""Has actions that are not atomic, each in its own way."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from actions.action import Effect, action
from actions.errors import PermanentError
from actions.ports import Contacts, Effects, Mail, Mailer, Notifier, StoredContact
from topics.events import (
    ContactUpserted,
    LeadAssigned,
    LeadMatched,
    LeadValidated,
    LeadWelcomed,
    OwnerNotified,
)

WELCOME = Effect("welcome:{contact_key}", scope="contact")

_seen: set[str] = set()
_numbers = itertools.count()
_file = Path(tempfile.gettempdir()) / "leads-sidestep.db"
_own = sqlite3.connect(":memory:", check_same_thread=False)
_own.execute("CREATE TABLE seen (lead_id TEXT)")


class Crm(Protocol):
    """Another system's contacts."""

    async def has(self, key: str) -> bool: ...
    async def create(self, key: str) -> None: ...
    async def tag(self, key: str, tag: str) -> None: ...


@dataclass
class FakeCrm:
    """The port Crm."""

    tags: dict[str, list[str]] = field(default_factory=dict)

    async def has(self, key: str) -> bool:
        return key in self.tags

    async def create(self, key: str) -> None:
        self.tags[key] = []

    async def tag(self, key: str, tag: str) -> None:
        self.tags[key].append(tag)


def welcomed(assigned: LeadAssigned, message_id: str | None = None) -> LeadWelcomed:
    return LeadWelcomed(
        lead_id=assigned.lead_id,
        contact_key=assigned.contact_key,
        contact_id=assigned.contact_id,
        outcome="sent",
        message_id=message_id,
    )


def mail_to(assigned: LeadAssigned) -> Mail:
    return Mail(message_id=f"<{assigned.contact_key}>", to="anna@example.com", subject="Hello", text="Hello")


def upserted(lead: LeadMatched, contact_id: str) -> ContactUpserted:
    return ContactUpserted(
        lead_id=lead.lead_id,
        contact_key=lead.contact_key,
        contact_id=contact_id,
        outcome="created",
        changed=[],
        revision=1,
        contact={},  # type: ignore[arg-type]  # an empty contact
    )


@action(version=1)
async def sends_without_once(assigned: LeadAssigned, *, mailer: Mailer) -> LeadWelcomed:
    await mailer.send(mail_to(assigned))
    return welcomed(assigned)


@action(version=1, effect=WELCOME)
async def sends_beside_once(assigned: LeadAssigned, *, mailer: Mailer, effects: Effects) -> LeadWelcomed:
    async def note() -> str:
        return "noted"

    receipt = await effects.once(note)
    if receipt.is_mine:
        await mailer.send(mail_to(assigned))
    return welcomed(assigned)


@action(version=1, effect=WELCOME)
async def sends_in_the_background(
    assigned: LeadAssigned, *, mailer: Mailer, effects: Effects
) -> LeadWelcomed:
    sending = asyncio.ensure_future(mailer.send(mail_to(assigned)))

    async def wait() -> str:
        await sending
        return "sent"

    await effects.once(wait)
    return welcomed(assigned)


@action(version=1, effect=Effect("notify:{run}", scope="run", when_uncertain="repeat"))
async def names_its_call_otherwise_each_time(
    assigned: LeadAssigned, *, notifier: Notifier, effects: Effects
) -> OwnerNotified:
    key = f"notify:{uuid.uuid4()}"
    await effects.once(lambda: notifier.notify(key=key, assigned=assigned))
    return OwnerNotified(
        lead_id=assigned.lead_id,
        contact_key=assigned.contact_key,
        contact_id=assigned.contact_id,
        owner_id=assigned.owner.id,
        outcome="sent",
        channel="webhook",
    )


@action(version=1, effect=WELCOME)
async def hides_what_is_uncertain(
    assigned: LeadAssigned, *, mailer: Mailer, effects: Effects
) -> LeadWelcomed:
    async def send() -> str:
        await mailer.send(mail_to(assigned))
        return "sent"

    try:
        receipt = await effects.once(send)
    except Exception:  # noqa: BLE001 - the sabotage
        return welcomed(assigned, "who knows")
    return welcomed(assigned, receipt.reference)


@action(version=1)
async def remembers_in_a_global(assigned: LeadAssigned, *, mailer: Mailer) -> LeadWelcomed:
    if assigned.contact_key not in _seen:
        _seen.add(assigned.contact_key)
        await mailer.send(mail_to(assigned))
    return welcomed(assigned)


@action(version=1)
async def counts_in_a_global(lead: LeadMatched, *, contacts: Contacts) -> ContactUpserted:
    await contacts.save(StoredContact(lead.contact_key, lead.contact_key))
    return upserted(lead, f"contact {next(_numbers)}")


@action(version=1)
async def remembers_in_a_default(lead: LeadMatched, *, contacts: Contacts) -> ContactUpserted:
    return upserted(lead, str(len(_noted(lead.lead_id))))


def _noted(lead_id: str, noted: list[str] = []) -> list[str]:  # noqa: B006 - the sabotage
    noted.append(lead_id)
    return noted


@action(version=1)
async def writes_to_its_own_database(lead: LeadMatched, *, contacts: Contacts) -> ContactUpserted:
    await contacts.save(StoredContact(lead.contact_key, lead.contact_key))
    with sqlite3.connect(_file) as own:
        own.execute("CREATE TABLE IF NOT EXISTS seen (lead_id TEXT)")
        own.execute("INSERT INTO seen VALUES (?)", [lead.lead_id])
    own.close()
    raise PermanentError("REFUSED", "after it was written")


@action(version=1)
async def writes_to_an_open_database(lead: LeadMatched, *, contacts: Contacts) -> ContactUpserted:
    _own.execute("INSERT INTO seen VALUES (?)", [lead.lead_id])
    return upserted(lead, lead.contact_key)


@action(version=1)
async def writes_to_a_file(lead: LeadMatched, *, contacts: Contacts) -> ContactUpserted:
    _file.with_suffix(".txt").write_text(lead.lead_id)
    return upserted(lead, lead.contact_key)


@action(version=1)
async def states_something_else_each_time(lead: LeadMatched, *, contacts: Contacts) -> ContactUpserted:
    await contacts.save(StoredContact(lead.contact_key, lead.contact_key))
    return upserted(lead, str(uuid.uuid4()))


@action(version=1)
async def does_the_rest_only_for_new_ones(lead: LeadMatched, *, crm: Crm) -> ContactUpserted:
    if not await crm.has(lead.contact_key):
        await crm.create(lead.contact_key)
        await crm.tag(lead.contact_key, "new")
    return upserted(lead, lead.contact_key)


@action(version=1)
async def asks_and_changes_nothing(lead: LeadMatched, *, crm: Crm) -> ContactUpserted:
    return upserted(lead, "known" if await crm.has(lead.contact_key) else "new")


@action(version=1)
async def is_broken(lead: LeadValidated, *, contacts: Contacts) -> LeadMatched:
    raise KeyError(lead.lead_id)
