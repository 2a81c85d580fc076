"""This file answers the port Contacts from SQL: read in one query per batch, staged per action, written in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.ports import FieldValue, StoredContact
from streams.store.bulk import insert_many, select_in
from streams.store.engine import ConflictError
from streams.store.schema import contacts
from topics.events import Candidate, encode

MOST_CANDIDATES = 10
NEW_COLUMNS = tuple(contacts.c.keys())

_COLUMNS = (
    contacts.c.contact_key,
    contacts.c.contact_id,
    contacts.c.fields,
    contacts.c.owner_id,
    contacts.c.revision,
    contacts.c.row_version,
)
_PHONE_COLUMNS = (contacts.c.phone, contacts.c.contact_key, contacts.c.contact_id)
_UPDATE = (
    sa.update(contacts)
    .where(contacts.c.contact_key == sa.bindparam("b_key"), contacts.c.row_version == sa.bindparam("b_version"))
    .values(
        {name: sa.bindparam(name) for name in ("email", "phone", "fields", "owner_id", "revision", "updated_at")}
        | {"row_version": contacts.c.row_version + 1}
    )
)


def read_fields(raw: bytes) -> Mapping[str, FieldValue]:
    """Fields of a contact as stored."""
    return {name: FieldValue.model_construct(**value) for name, value in orjson.loads(raw).items()}


def find(connection: Connection, keys: Iterable[str]) -> dict[str, tuple[StoredContact, int]]:
    """Contacts of these keys that are there, each with its row version."""
    rows = select_in(connection, _COLUMNS, contacts.c.contact_key, dict.fromkeys(keys))
    return {row[0]: (StoredContact(row[0], row[1], read_fields(row[2]), row[3], row[4]), row[5]) for row in rows}


class SqlContacts:
    """The port Contacts over one transaction and one batch.

    The first question of a kind is asked for the whole batch; what an action saves is staged until `keep`, dropped by
    `drop`, and written by `flush` with a check that nobody else wrote meanwhile.
    """

    def __init__(self, connection: Connection, events: Sequence[Any]) -> None:
        """Take the events of the batch: they tell which contacts will be asked for."""
        self._connection = connection
        self._events = events
        self._known: dict[str, StoredContact | None] = {}
        self._row_versions: dict[str, int] = {}
        self._dirty: dict[str, StoredContact] = {}
        self._staged: dict[str, StoredContact] = {}
        self._phones: dict[str, dict[str, str]] = {}

    async def get(self, contact_key: str) -> StoredContact | None:
        """See `actions.ports.Contacts.get`."""
        staged = self._staged.get(contact_key)
        if staged is not None:
            return staged
        if contact_key not in self._known:
            self._load({contact_key, *self._of_batch(lambda event: event.contact_key)})
        return self._known[contact_key]

    async def sharing_phone(self, phone: str, *, besides: str) -> Sequence[Candidate]:
        """See `actions.ports.Contacts.sharing_phone`."""
        if phone not in self._phones:
            self._load_phones({phone, *self._of_batch(lambda event: event.lead.phone)})
        found = dict(self._phones[phone])
        for changed in (*self._dirty.values(), *self._staged.values()):
            value = changed.fields.get("phone")
            if value is not None and value.value == phone:
                found[changed.contact_key] = changed.contact_id
        others = sorted(contact_id for key, contact_id in found.items() if key != besides)
        return [Candidate(contact_id=contact_id, rule="phone", score=0.5) for contact_id in others[:MOST_CANDIDATES]]

    async def save(self, contact: StoredContact) -> None:
        """See `actions.ports.Contacts.save`."""
        if contact.contact_key not in self._known:
            await self.get(contact.contact_key)
        self._staged[contact.contact_key] = contact

    def keep(self) -> None:
        """The action succeeded: what it staged counts."""
        self._known.update(self._staged)
        self._dirty.update(self._staged)
        self._staged.clear()

    def drop(self) -> None:
        """The action failed: what it staged is forgotten."""
        self._staged.clear()

    def flush(self, now_us: int) -> None:
        """Write what counts, in key order so that two workers lock rows in the same order."""
        new, changed = [], []
        for key in sorted(self._dirty):
            row = _row(self._dirty[key], now_us)
            if key in self._row_versions:
                row["b_key"], row["b_version"] = row.pop("contact_key"), self._row_versions[key]
                del row["contact_id"]
                changed.append(row)
            else:
                new.append(row | {"created_at": now_us, "row_version": 1})
        insert_many(self._connection, contacts, NEW_COLUMNS, [[row[name] for name in NEW_COLUMNS] for row in new])
        if changed and self._connection.execute(_UPDATE, changed).rowcount != len(changed):
            msg = "another worker changed one of these contacts first"
            raise ConflictError(msg)

    def _of_batch(self, ask: Callable[[Any], str | None]) -> set[str]:
        wanted = set()
        for event in self._events:
            try:
                value = ask(event)
            except AttributeError:
                return set()  # this step's events carry none
            if value is not None:
                wanted.add(value)
        return wanted

    def _load(self, keys: set[str]) -> None:
        missing = keys - self._known.keys()
        found = find(self._connection, missing)
        for key in missing:
            contact, row_version = found.get(key, (None, 0))
            self._known[key] = contact
            if contact is not None:
                self._row_versions[key] = row_version

    def _load_phones(self, phones: set[str]) -> None:
        missing = phones - self._phones.keys()
        self._phones.update({phone: {} for phone in missing})
        for phone, key, contact_id in select_in(self._connection, _PHONE_COLUMNS, contacts.c.phone, missing):
            self._phones[phone][key] = contact_id


def _row(contact: StoredContact, now_us: int) -> dict[str, Any]:
    fields = contact.fields
    return {
        "contact_key": contact.contact_key,
        "contact_id": contact.contact_id,
        "email": fields["email"].value if "email" in fields else None,
        "phone": fields["phone"].value if "phone" in fields else None,
        "fields": b"{" + b",".join(orjson.dumps(name) + b":" + encode(fields[name]) for name in sorted(fields)) + b"}",
        "owner_id": contact.owner_id,
        "revision": contact.revision,
        "updated_at": now_us,
    }
