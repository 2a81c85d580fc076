"""Fill an SQLite store and count what it has."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store import ledger
from streams.store.engine import Database
from streams.store.migrate import open_database
from streams.store.schema import ledger as ledger_table
from tests.support.ledger_rows import ledger_row


def write(database: Database, numbers: range) -> None:
    rows = [ledger_row(number, result=b"x" * 3000) for number in numbers]
    database.transact(lambda connection: ledger.insert(connection, rows))


def written(connection: Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(ledger_table)).scalar_one()


def opened(path: Path) -> Database:
    return open_database(f"sqlite:///{path}")
