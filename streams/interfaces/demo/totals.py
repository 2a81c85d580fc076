"""This file reads what came of the records from the database alone: ledger, letters and contacts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.ports import Identity
from streams.interfaces.demo.publishing import Published
from streams.interfaces.demo.samples import Newest
from streams.interfaces.demo.watching import Fate
from streams.onboarding import ONBOARDING
from streams.store import contacts, ledger, letters, schema
from streams.store.ledger import LedgerRow
from streams.store.letters import OPEN, PARKED, LetterRow, load_letter
from topics import ids
from topics.events import ContactUpserted, LeadReceived, LeadRejected

ENTRY = "validate-lead"
LAST = ("send-welcome-email", "notify-owner")


def execution_ids(source: str, event_id: str) -> dict[str, bytes]:
    """Give the ledger's id of each action in the run of one event: they follow from the event alone."""
    found: dict[str, str] = {}
    for step in ONBOARDING.steps:
        if step.reads is LeadReceived:
            origin = (source, event_id)
        else:
            before = next(other.action.kebab for other in ONBOARDING.steps if step.reads in other.emits)
            origin = (f"/leads/{before}", found[before])
        found[step.action.kebab] = ids.result_id(*origin, step.action.kebab, step.action.version)
    return {action: bytes.fromhex(text.replace("-", "")) for action, text in found.items()}


@dataclass(slots=True)
class Told:
    """What the database says of one published record."""

    record: Published
    fate: Fate
    steps: Mapping[str, LedgerRow]
    letter: LetterRow | None = None

    @property
    def is_done(self) -> bool:
        """Whether it came to an end."""
        return self.fate != "waiting"


@dataclass(frozen=True, slots=True)
class Totals:
    """The whole count of one run of the demo, from SQL."""

    told: Sequence[Told]
    contacts: int
    """Contacts of these leads."""
    contacts_before: int
    contacts_after: int
    owners: Mapping[str, int]
    kept_newest: int
    """Contacts whose newest value an older update left alone."""
    turns: int
    open_letters: int
    """In the whole database, of earlier runs too."""
    waiting: int
    """Letters that are still to be retried."""
    results: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By action: how many results of each outcome these runs have; each run once."""


def known_leads(connection: Connection, lead_ids: Sequence[str]) -> set[str]:
    """Give those of the leads that were worked on before."""
    table = schema.ledger
    query = sa.select(table.c.lead_id).where(table.c.lead_id.in_(lead_ids)).distinct()
    return set(connection.execute(query).scalars())


def known_events(connection: Connection, identities: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Give those of the events that were worked on before."""
    by_id = {execution_ids(*identity)[ENTRY]: identity for identity in identities}
    return {by_id[bytes(key)] for key in ledger.find(connection, by_id)}


def counts(connection: Connection) -> tuple[int, int]:
    """Count contacts, and turns that the roster gave."""
    people = connection.execute(sa.select(sa.func.count()).select_from(schema.contacts)).scalar_one()
    turns = connection.execute(sa.select(sa.func.max(schema.turns.c.next))).scalar_one()
    return people, turns or 0


def foreign_groups(connection: Connection, group: str) -> set[str]:
    """Give the consumer groups, other than `group`, that have letters to be retried here."""
    statuses = (letters.SCHEDULED, letters.REPLAYING)
    found = letters.find(connection, statuses=statuses, limit=100_000)
    return {row.letter.group for row in found} - {group}


def tell(connection: Connection, records: Sequence[Published], group: str) -> list[Told]:
    """Say of each record what the database knows."""
    runs = [None if record.identity is None else execution_ids(*record.identity) for record in records]
    rows = ledger.find(connection, (key for run in runs if run is not None for key in run.values()))
    entry_ids = [ids.letter_id(*record.position, group, ENTRY) for record in records]
    later_ids = [load_letter(row.result or b"{}").id for row in rows.values() if row.is_failed]
    found = {row.letter.id: row for row in letters.get(connection, [*entry_ids, *later_ids])}
    told = []
    for record, run, entry_id in zip(records, runs, entry_ids, strict=True):
        steps = {action: rows[key] for action, key in (run or {}).items() if key in rows}
        told.append(_tell(record, steps, found, entry_id))
    return told


def _tell(
    record: Published, steps: Mapping[str, LedgerRow], found: Mapping[str, LetterRow], entry_id: str
) -> Told:
    letter = found.get(entry_id)
    if letter is not None and letter.status in OPEN:
        return Told(record, "letter", steps, letter)
    entry = steps.get(ENTRY)
    if entry is not None and entry.result_type == LeadRejected.type:
        return Told(record, "rejected", steps)
    if all(action in steps and steps[action].is_done for action in LAST):
        return Told(record, "onboarded", steps)
    for row in steps.values():
        if row.is_failed:
            letter = found.get(load_letter(row.result or b"{}").id)
            if letter is not None and letter.status == PARKED:
                return Told(record, "letter", steps, letter)
    return Told(record, "waiting", steps, letter)


def keep_books(
    connection: Connection,
    records: Sequence[Published],
    newest: Sequence[Newest],
    *,
    group: str,
    identity: Identity,
    contacts_before: int,
) -> Totals:
    """Count everything."""
    told = tell(connection, records, group)
    keys = {row.contact_key for item in told for row in item.steps.values() if row.contact_key is not None}
    people = contacts.find(connection, list(keys))
    owners = Counter(contact.owner_id or "nobody" for contact, _ in people.values())
    wanted = {identity.contact_key(email=item.email, phone=None): item.job for item in newest}
    kept = 0
    for key, job in wanted.items():
        value = people[key][0].fields.get("job_title") if key in people else None
        kept += value is not None and value.value == job
    by_status = letters.counts(connection)
    after, turns = counts(connection)
    return Totals(
        told=told,
        contacts=len(people),
        contacts_before=contacts_before,
        contacts_after=after,
        owners=dict(owners),
        kept_newest=kept,
        turns=turns,
        open_letters=sum(by_status.get(status, 0) for status in OPEN),
        waiting=sum(by_status.get(status, 0) for status in OPEN if status != PARKED),
        results=_results(told),
    )


def _results(told: Sequence[Told]) -> dict[str, dict[str, int]]:
    once = {row.id: row for item in told for row in item.steps.values() if row.is_done}
    results: dict[str, Counter[str]] = {}
    for row in once.values():
        body = orjson.loads(row.result or b"{}")
        outcome = str(body.get("outcome") or body.get("strategy") or body.get("verdict") or row.result_type)
        if row.action == LAST[0] and body.get("reason"):
            outcome = str(body["reason"])
        results.setdefault(row.action, Counter())[outcome] += 1
    return {action: dict(counter) for action, counter in results.items()}


def made_since(connection: Connection, moment_us: int, action: str, reference: str) -> list[str]:
    """Give `reference` of every result of an action that says `sent` and was written since then."""
    table = schema.ledger
    query = sa.select(table.c.result).where(
        table.c.action == action, table.c.done_at >= moment_us, table.c.status == schema.DONE
    )
    bodies = [orjson.loads(raw or b"{}") for raw in connection.execute(query).scalars()]
    return [str(body[reference]) for body in bodies if body.get("outcome") == "sent"]


def created_since(connection: Connection, moment_us: int) -> int:
    """Count the contacts that results written since then say were created."""
    table = schema.ledger
    query = sa.select(table.c.result).where(
        table.c.result_type == ContactUpserted.type, table.c.done_at >= moment_us
    )
    return sum(
        orjson.loads(raw or b"{}").get("outcome") == "created" for raw in connection.execute(query).scalars()
    )
