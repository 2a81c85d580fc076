"""The port Contacts on SQL: read in one query per batch, staged per action, written in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from actions.ports import FieldValue, StoredContact
from streams.store import aliases
from streams.store.bulk import insert_many, select_in, update_many
from streams.store.engine import ConflictError
from streams.store.schema import contacts
from topics.events import Candidate
from topics.writing import as_json

MAX_CANDIDATES = 10
_NEW_COLUMNS = tuple(contacts.c.keys())
_WHERE = ("contact_key", "row_version")

_COLUMNS = (
    contacts.c.contact_key,
    contacts.c.contact_id,
    contacts.c.fields,
    contacts.c.owner_id,
    contacts.c.revision,
    contacts.c.row_version,
)
_PHONE_COLUMNS = (contacts.c.phone, contacts.c.contact_key, contacts.c.contact_id)
_OWNER_COLUMNS = ("owner_id", "revision", "row_version", "updated_at")
_ALL_COLUMNS = ("email", "phone", "fields", *_OWNER_COLUMNS)


class StoredFields(Mapping[str, FieldValue]):
    """Fields of a contact as stored: JSON `{name: [value, source, time, event_id]}`, parsed on first use.

    Most actions that read a contact never read its fields, and parsing them costs more than the query.
    """

    __slots__ = ("_parsed", "raw")

    def __init__(self, raw: bytes) -> None:
        """Take the column's bytes."""
        self.raw = raw
        self._parsed: dict[str, FieldValue] | None = None

    def _fields(self) -> dict[str, FieldValue]:
        if self._parsed is None:
            self._parsed = {name: FieldValue(*parts) for name, parts in orjson.loads(self.raw).items()}
        return self._parsed

    def __getitem__(self, name: str) -> FieldValue:
        return self._fields()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields())

    def __len__(self) -> int:
        return len(self._fields())


def _dump_fields(fields: Mapping[str, FieldValue]) -> bytes:
    if isinstance(fields, StoredFields):
        return fields.raw
    return as_json({name: tuple(fields[name]) for name in sorted(fields)})


def _phone_of(contact: StoredContact) -> str | None:
    value = contact.fields.get("phone")
    return None if value is None else value.value


def find(connection: Connection, keys: Iterable[str]) -> dict[str, tuple[StoredContact, int]]:
    """Return the existing contacts of these keys, each with its row version.

    Somebody who is stored under an older key, of which a key is the alias, is returned with that older key.
    """
    wanted = list(dict.fromkeys(keys))
    found = _find(connection, wanted)
    missing = [key for key in wanted if key not in found]
    if not missing:
        return found
    stored = aliases.resolve(connection, missing)
    if not stored:
        return found
    older = _find(connection, set(stored.values()))
    return found | {alias: older[key] for alias, key in stored.items() if key in older}


def _find(connection: Connection, keys: Iterable[str]) -> dict[str, tuple[StoredContact, int]]:
    rows = select_in(connection, _COLUMNS, contacts.c.contact_key, keys)
    return {
        row[0]: (StoredContact(row[0], row[1], StoredFields(row[2]), row[3], row[4]), row[5]) for row in rows
    }


class SqlContacts:
    """The port Contacts over one transaction and one batch.

    The first read of a kind queries for the whole batch. What an action saves is staged: `keep` accepts it, `drop`
    discards it, and `flush` writes it after checking that nobody else has written meanwhile.
    """

    def __init__(self, connection: Connection, events: Sequence[Any]) -> None:
        """Take the batch's events, from which the contacts to read are known in advance."""
        self._connection = connection
        self._events = events
        self._known: dict[str, StoredContact | None] = {}
        self._older: dict[str, str] = {}
        """By alias: the key under which the person is stored."""
        self._row_versions: dict[str, int] = {}
        self._dirty: dict[str, StoredContact] = {}
        self._staged: dict[str, StoredContact] = {}
        self._phones: dict[str, dict[str, str]] = {}
        self._changed_phones: dict[str, dict[str, str]] = {}
        """By phone, the contacts that got it in this batch (key to id); some may have changed it again since."""

    async def get(self, contact_key: str) -> StoredContact | None:
        """See `actions.ports.Contacts.get`."""
        staged = self._staged.get(self._older.get(contact_key, contact_key))
        if staged is not None:
            return staged
        if contact_key not in self._known and contact_key not in self._older:
            self._load({contact_key, *self._of_batch(lambda event: event.contact_key)})
        return self._known[self._older.get(contact_key, contact_key)]

    async def sharing_phone(self, phone: str, *, besides: str) -> Sequence[Candidate]:
        """See `actions.ports.Contacts.sharing_phone`."""
        if phone not in self._phones:
            self._load_phones({phone, *self._of_batch(lambda event: event.lead.phone)})
        sharing = self._phones[phone] | self._changed_phones.get(phone, {})
        sharing |= {key: each.contact_id for key, each in self._staged.items()}
        for key in list(sharing):
            changed = self._staged.get(key) or self._dirty.get(key)
            if changed is not None and _phone_of(changed) != phone:
                del sharing[key]
        sharing.pop(besides, None)
        others = sorted(sharing.values())
        return [
            Candidate(contact_id=contact_id, rule="phone", score=0.5)
            for contact_id in others[:MAX_CANDIDATES]
        ]

    async def save(self, contact: StoredContact) -> None:
        """See `actions.ports.Contacts.save`."""
        if contact.contact_key not in self._known:
            await self.get(contact.contact_key)
        self._staged[contact.contact_key] = contact

    def keep(self) -> None:
        """Accept what the action staged: it succeeded."""
        self._known.update(self._staged)
        self._dirty.update(self._staged)
        for key, contact in self._staged.items():
            # Unparsed fields are unchanged, so their phone is the one in the database.
            phone = None if isinstance(contact.fields, StoredFields) else _phone_of(contact)
            if phone is not None:
                self._changed_phones.setdefault(phone, {})[key] = contact.contact_id
        self._staged.clear()

    def drop(self) -> None:
        """Discard what the action staged: it failed."""
        self._staged.clear()

    def flush(self, now_us: int) -> None:
        """Write the accepted changes, in key order so that two workers lock rows in the same order."""
        new, changed, owner_only = [], [], []
        for key in sorted(self._dirty):
            contact, version = self._dirty[key], self._row_versions.get(key)
            row: dict[str, Any] = {
                "contact_key": key,
                "contact_id": contact.contact_id,
                "owner_id": contact.owner_id,
                "revision": contact.revision,
                "row_version": (version or 0) + 1,
                "created_at": now_us,
                "updated_at": now_us,
            }
            if version is not None and isinstance(contact.fields, StoredFields):
                owner_only.append((*(row[name] for name in _OWNER_COLUMNS), key, version))
                continue
            row |= {
                "email": contact.fields["email"].value if "email" in contact.fields else None,
                "phone": contact.fields["phone"].value if "phone" in contact.fields else None,
                "fields": _dump_fields(contact.fields),
            }
            if version is None:
                new.append([row[name] for name in _NEW_COLUMNS])
            else:
                changed.append((*(row[name] for name in _ALL_COLUMNS), key, version))
        insert_many(self._connection, contacts, _NEW_COLUMNS, new)
        for columns, rows in ((_ALL_COLUMNS, changed), (_OWNER_COLUMNS, owner_only)):
            if update_many(self._connection, contacts, columns, _WHERE, rows) != len(rows):
                msg = "another worker changed one of these contacts first"
                raise ConflictError(msg)

    def _of_batch(self, read: Callable[[Any], str | None]) -> set[str]:
        wanted = set()
        for event in self._events:
            try:
                value = read(event)
            except AttributeError:
                return set()  # this step's events have no such field
            if value is not None:
                wanted.add(value)
        return wanted

    def _load(self, keys: set[str]) -> None:
        missing = keys - self._known.keys() - self._older.keys()
        stored = find(self._connection, missing)
        for key in missing:
            contact, row_version = stored.get(key, (None, 0))
            if contact is None:
                self._known[key] = None
                continue
            if contact.contact_key != key:
                self._older[key] = contact.contact_key
            if contact.contact_key not in self._row_versions:
                self._known[contact.contact_key] = contact
                self._row_versions[contact.contact_key] = row_version

    def _load_phones(self, phones: set[str]) -> None:
        missing = phones - self._phones.keys()
        self._phones.update({phone: {} for phone in missing})
        for phone, key, contact_id in select_in(self._connection, _PHONE_COLUMNS, contacts.c.phone, missing):
            self._phones[phone][key] = contact_id
