"""This file reads the tables of the product row by row, in one read-only transaction, on SQLite and PostgreSQL."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote
from uuid import UUID

import psycopg
from sqlalchemy.engine import make_url

from streams.operations.verify.contract import Headers
from streams.operations.verify.evidence import ContactRow, EffectRow, LedgerRow, LetterRow
from streams.operations.verify.logs import CannotLookError
from streams.operations.verify.rows import put_contacts, put_effects, put_ledger, put_letters
from streams.operations.verify.scratch import Scratch

CONNECT_WITHIN_S = 8
BUSY_WITHIN_S = 30
AT_ONCE = 2_000

_LEDGER = "SELECT id, action, status, result, done_at FROM ledger"
_CONTACTS = "SELECT contact_key, contact_id, email, phone, owner_id, revision, fields FROM contacts"
_EFFECTS = "SELECT key, ledger_id, status, changed_at FROM effects"
_LETTERS = """
SELECT id, action, status, generation, due_at, indexed_at, record_key, record_value, record_headers FROM letters
"""
READ_ANEW = ("ledger", "contacts", "times", "effects", "indexed")
"""Tables of the scratch database that one reading fills."""


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
        scratch.clear(*READ_ANEW)
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
                    cursor.itersize = AT_ONCE
                    cursor.execute(statement.encode())
                    yield from cursor

            _put(scratch, ask)


class _Ask(Protocol):
    def __call__(self, statement: str) -> Iterable[Sequence[Any]]: ...


def _put(scratch: Scratch, ask: _Ask) -> None:
    put_ledger(
        scratch, (LedgerRow(_uuid(row[0]), row[1], row[2], _bytes(row[3]), row[4]) for row in ask(_LEDGER))
    )
    put_contacts(scratch, (_contact(row) for row in ask(_CONTACTS)))
    put_effects(scratch, (EffectRow(row[0], _uuid(row[1]), row[2], row[3]) for row in ask(_EFFECTS)))
    put_letters(scratch, (_letter(row) for row in ask(_LETTERS)))


def _contact(row: Sequence[Any]) -> ContactRow:
    contact_key, contact_id, email, phone, owner_id, revision, fields = row
    return ContactRow(contact_key, contact_id, email, phone, owner_id, revision, _bytes(fields))


def _letter(row: Sequence[Any]) -> LetterRow:
    letter_id, action, status, generation, due_at, indexed_at, key, value, headers = row
    return LetterRow(
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
