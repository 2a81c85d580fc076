"""Reads the product's tables row by row into the scratch database, on SQLite and PostgreSQL.

They are read in one read-only transaction. Of a person and of values only hashes are kept.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote
from uuid import UUID

import psycopg
from sqlalchemy.engine import make_url

from streams.operations.verify.contract import GONE, Headers
from streams.operations.verify.evidence import ContactRow, EffectRow, IndexedLetter, LedgerEntry
from streams.operations.verify.field_history import times_of
from streams.operations.verify.intake import BATCH_SIZE, fingerprint, id_bytes
from streams.operations.verify.logs import CannotLookError
from streams.operations.verify.scratch import Scratch

Row = TypeVar("Row")
CONNECT_WITHIN_S = 8
BUSY_WITHIN_S = 30

_LEDGER = "SELECT id, action, status, result, done_at FROM ledger"
_CONTACTS = "SELECT contact_key, contact_id, email, phone, owner_id, revision, fields FROM contacts"
_EFFECTS = "SELECT key, ledger_id, status, changed_at FROM effects"
_LETTERS = """
SELECT id, action, status, generation, due_at, indexed_at, record_key, record_value, record_headers FROM letters
"""
FILLED = ("ledger", "contacts", "times", "effects", "indexed")
"""Tables of the scratch database that one reading of the store fills."""


class Store(Protocol):
    """The product's tables."""

    def read(self, scratch: Scratch) -> None:
        """Put every row, as of one moment, into the scratch database. Raises `CannotLookError`."""
        ...


class Tables:
    """`Store` on the database of a SQLAlchemy URL."""

    def __init__(self, url: str) -> None:
        """Nothing is opened yet."""
        self._url = make_url(url)

    def read(self, scratch: Scratch) -> None:
        """See `Store.read`."""
        place = self._url.render_as_string(hide_password=True)
        scratch.clear(*FILLED)
        try:
            if self._url.get_backend_name() == "sqlite":
                self._read_sqlite(scratch)
            else:
                self._read_postgres(scratch)
        except (sqlite3.Error, psycopg.Error) as error:
            why = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise CannotLookError(
                f"the database {place} cannot be read: {why}; LEADS_DATABASE says where it is"
            ) from error

    def _read_sqlite(self, scratch: Scratch) -> None:
        path = quote(str(Path(self._url.database or "").resolve()))
        with closing(
            sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=BUSY_WITHIN_S, isolation_level=None)
        ) as connection:
            connection.execute("BEGIN")  # one moment for all tables; a reader hinders no writer

            def ask(statement: str) -> Iterable[Sequence[Any]]:
                return connection.execute(statement)

            _put(scratch, ask)

    def _read_postgres(self, scratch: Scratch) -> None:
        address = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, connect_timeout=CONNECT_WITHIN_S) as connection:
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

            def ask(statement: str) -> Iterator[Sequence[Any]]:
                # A named cursor stays on the server: the driver would fetch the whole table otherwise.
                with connection.cursor(name="verify") as cursor:
                    cursor.itersize = BATCH_SIZE
                    cursor.execute(statement.encode())
                    yield from cursor

            _put(scratch, ask)


def _put(scratch: Scratch, ask: Callable[[str], Iterable[Sequence[Any]]]) -> None:
    put_ledger(
        scratch, (LedgerEntry(_uuid(row[0]), row[1], row[2], _bytes(row[3]), row[4]) for row in ask(_LEDGER))
    )
    put_contacts(scratch, (_contact(row) for row in ask(_CONTACTS)))
    put_effects(scratch, (EffectRow(row[0], _uuid(row[1]), row[2], row[3]) for row in ask(_EFFECTS)))
    put_letters(scratch, (_letter(row) for row in ask(_LETTERS)))


def put_ledger(scratch: Scratch, rows: Iterable[LedgerEntry]) -> None:
    """Take the ledger; of a result only its hash."""
    for some in batched(rows):
        scratch.insert(
            "ledger",
            [
                (
                    id_bytes(row.id),
                    scratch.action(row.action),
                    row.status,
                    fingerprint(None, row.result, [])[8:16],
                    row.done_at,
                )
                for row in some
            ],
        )


def put_contacts(scratch: Scratch, rows: Iterable[ContactRow]) -> None:
    """Take the contacts; e-mail and phone as keyed hashes."""
    for some in batched(rows):
        scratch.insert(
            "contacts",
            [
                (
                    row.contact_id,
                    row.contact_key,
                    scratch.hide(None if row.email is None else row.email.lower()),
                    scratch.hide(row.phone),
                    row.owner_id,
                    row.revision,
                )
                for row in some
            ],
        )
        times = [
            (row.contact_key, name, moment) for row in some for name, moment in times_of(row.fields).items()
        ]
        scratch.insert("times", times)


def put_effects(scratch: Scratch, rows: Iterable[EffectRow]) -> None:
    """Store intents and outcomes."""
    for some in batched(rows):
        scratch.insert(
            "effects",
            [
                (row.key, name, subject, id_bytes(row.ledger_id), row.status, row.changed_at)
                for row in some
                for name, _, subject in (row.key.partition(":"),)
            ],
        )


def put_letters(scratch: Scratch, rows: Iterable[IndexedLetter]) -> None:
    """Take the index of dead letters; of the original records only hashes."""
    for some in batched(rows):
        scratch.insert(
            "indexed",
            [
                (
                    row.id,
                    scratch.action(row.action),
                    row.status,
                    row.generation,
                    row.due_at,
                    row.indexed_at,
                    None if row.status in GONE else fingerprint(row.key, row.value, row.headers),
                )
                for row in some
            ],
        )


def batched(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Return the rows in lists of `BATCH_SIZE`."""
    rest = iter(rows)
    while some := list(islice(rest, BATCH_SIZE)):
        yield some


def _contact(row: Sequence[Any]) -> ContactRow:
    contact_key, contact_id, email, phone, owner_id, revision, fields = row
    return ContactRow(contact_key, contact_id, email, phone, owner_id, revision, _bytes(fields))


def _letter(row: Sequence[Any]) -> IndexedLetter:
    letter_id, action, status, generation, due_at, indexed_at, key, value, headers = row
    return IndexedLetter(
        letter_id,
        action,
        status,
        generation,
        due_at,
        indexed_at,
        _bytes(key),
        _bytes(value),
        _headers(headers),
    )


def _uuid(raw: bytes) -> str:
    return str(UUID(bytes=bytes(raw)))


def _bytes(raw: bytes | None) -> bytes | None:
    return None if raw is None else bytes(raw)


def _headers(raw: bytes) -> Headers:
    return [(name, None if text is None else base64.b64decode(text)) for name, text in json.loads(bytes(raw))]
