"""Answer people's queries: what was done about a lead or a contact, and how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.normalise.email_address import normalise_email
from actions.normalise.phone_number import normalise_phone
from actions.normalise.refused import Refused
from actions.ports import Identity, StoredContact
from streams.chunks import chunked
from streams.store import contacts, ledger, letters
from streams.store.bulk import MAX_IDS
from streams.store.ledger import LedgerRow
from streams.store.letters import EVERY, LetterRow
from streams.store.schema import DONE
from streams.store.schema import contacts as contacts_table
from streams.store.schema import ledger as ledger_table
from streams.store.schema import letters as letters_table


@dataclass(frozen=True, slots=True)
class Run:
    """The steps that followed one `LeadReceived`."""

    correlation_id: str
    steps: Sequence[LedgerRow]
    """Oldest first."""


@dataclass(frozen=True, slots=True)
class LeadHistory:
    """The runs and the letters of one lead."""

    lead_id: str
    runs: Sequence[Run]
    letters: Sequence[LetterRow]

    @property
    def contact_keys(self) -> Sequence[str]:
        """Return the contacts of its runs."""
        keys = [step.contact_key for run in self.runs for step in run.steps if step.contact_key is not None]
        return list(dict.fromkeys(keys))


@dataclass(frozen=True, slots=True)
class History:
    """The answer to `leads show`: contacts as stored, and the leads about them."""

    contacts: Sequence[StoredContact]
    leads: Sequence[LeadHistory]


def history(connection: Connection, text: str, identity: Identity, default_region: str) -> History | None:
    """Look up a lead id, else an e-mail or a phone, normalised as a lead's would be; None when nothing is known."""
    lead = lead_history(connection, text)
    if lead is not None:
        stored = {
            contact.contact_key: contact
            for contact, _ in contacts.find(connection, lead.contact_keys).values()
        }
        return History(list(stored.values()), [lead])
    key = key_of(text, identity, default_region)
    if key is None:
        return None
    contact = contacts.find(connection, [key]).get(key)
    about = ledger.of_contact(connection, key if contact is None else contact[0].contact_key)
    if contact is None and not about:
        return None
    histories = [lead_history(connection, lead_id) for lead_id in dict.fromkeys(row.lead_id for row in about)]
    return History([] if contact is None else [contact[0]], [lead for lead in histories if lead is not None])


def key_of(text: str, identity: Identity, default_region: str) -> str | None:
    """Return the contact key of an e-mail or a phone; None when it is neither."""
    try:
        if "@" in text:
            email = normalise_email(text)
            return None if email is None else identity.contact_key(email=email, phone=None)
        phone = normalise_phone(text, default_region)
    except Refused:
        return None
    return None if phone is None else identity.contact_key(email=None, phone=phone)


def lead_history(connection: Connection, lead_id: str) -> LeadHistory | None:
    """Return what was done about this lead; None when nothing was."""
    rows = ledger.of_lead(connection, lead_id)
    about = letters.find(connection, statuses=EVERY, lead_id=lead_id)
    if not rows and not about:
        return None
    runs: dict[str, list[LedgerRow]] = {}
    for row in rows:
        runs.setdefault(row.correlation_id, []).append(row)
    return LeadHistory(lead_id, [Run(key, steps) for key, steps in runs.items()], about)


def executions(connection: Connection) -> dict[str, tuple[int, int]]:
    """Count the ledger's executions by action: (done, dead-lettered)."""
    query = sa.select(ledger_table.c.action, ledger_table.c.status, sa.func.count()).group_by(
        ledger_table.c.action, ledger_table.c.status
    )
    counts: dict[str, tuple[int, int]] = {}
    for action, status, count in connection.execute(query):
        done, failed = counts.get(action, (0, 0))
        counts[action] = (done + count, failed) if status == DONE else (done, failed + count)
    return counts


def count_contacts(connection: Connection) -> int:
    """Count the contacts."""
    return connection.execute(sa.select(sa.func.count()).select_from(contacts_table)).scalar_one()


def uncertain_letter_ids(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return the ids of those letters whose call may or may not have been made."""
    return _which(connection, ids, letters_table.c.failure_class == "uncertain")


def held_letter_ids(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return the ids of those letters that a replay job holds."""
    return _which(connection, ids, letters_table.c.job.is_not(None))


def _which(connection: Connection, ids: Sequence[str], holds: sa.ColumnElement[bool]) -> set[str]:
    matching: set[str] = set()
    for part in chunked(ids, MAX_IDS):
        query = sa.select(letters_table.c.id).where(letters_table.c.id.in_(part), holds)
        matching |= set(connection.execute(query).scalars())
    return matching


def letter_ids_like(connection: Connection, *, prefix: str) -> list[str]:
    """Return the ids that begin with `prefix` (hex digits and dashes), at most ten."""
    query = (
        sa.select(letters_table.c.id).where(letters_table.c.id.startswith(prefix, autoescape=True)).limit(10)
    )
    return list(connection.execute(query.order_by(letters_table.c.id)).scalars())
