"""Test that a contact is written only if its row still has the version that was read."""

from __future__ import annotations

import dataclasses

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.ports import StoredContact
from streams.engine.transaction import drive
from streams.store import ledger as ledger_rows
from streams.store.contacts import SqlContacts
from streams.store.engine import ConflictError, Database
from streams.store.schema import FAILED, contacts
from tests.support.workflow import ROW


async def test_what_is_based_on_an_older_reading_is_refused(database: Database) -> None:
    failed = ROW._replace(status=FAILED, generation=1)

    def contact(connection: Connection) -> None:
        port = SqlContacts(connection, [])
        drive(port.save(StoredContact("k", "id")))  # type: ignore[arg-type]
        port.keep()
        port.flush(0)
        port = SqlContacts(connection, [])
        known = drive(port.get("k"))  # type: ignore[arg-type]
        connection.execute(sa.update(contacts).values(row_version=contacts.c.row_version + 1))
        drive(port.save(dataclasses.replace(known, owner_id="ada")))  # type: ignore[arg-type, type-var]
        port.keep()
        with pytest.raises(ConflictError):
            port.flush(1)

    def replayed(connection: Connection) -> None:
        ledger_rows.insert(connection, [failed])
        with pytest.raises(ConflictError):
            ledger_rows.replace_failed(connection, [(ROW, 0)])
        ledger_rows.replace_failed(connection, [(ROW, 1)])
        with pytest.raises(ConflictError):  # it is done now
            ledger_rows.replace_failed(connection, [(ROW, 0)])

    await database.run(contact)
    await database.run(replayed)
