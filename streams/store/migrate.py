"""Bring a database to the schema of this build."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy.engine import Connection

from streams.store.engine import Database, ensure_folder
from streams.store.schema import metadata

_LOCK = 0x6C656164  # any number that nobody else takes


def open_database(url: str) -> Database:
    """Open the database of this URL at the schema of this build.

    Raises `StoreUnavailableError` when it cannot be reached.
    """
    ensure_folder(url)
    database = Database(url)
    database.transact(_upgrade)
    return database


def _upgrade(connection: Connection) -> None:
    # Workers start together: one migrates, the others wait. SQLite's transaction is exclusive by itself.
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def differences(connection: Connection) -> list[object]:
    """What the database lacks of `schema.py`, as Alembic sees it: must be empty after `open_database`."""
    return list(compare_metadata(MigrationContext.configure(connection), metadata))
