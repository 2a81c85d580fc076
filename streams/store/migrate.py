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

_LOCK = 0x6C656164  # any number that no other program uses


def open_database(url: str) -> Database:
    """Open the database of this URL and migrate it to the schema of this build.

    Raise `StoreUnavailableError` when it cannot be reached.
    """
    ensure_folder(url)
    database = Database(url)
    database.transact(_upgrade)
    return database


def _upgrade(connection: Connection) -> None:
    # Workers start together, so one migrates while the others wait. SQLite's transaction is exclusive anyway.
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def differences(connection: Connection) -> list[object]:
    """Return how the database differs from `schema.py`, as Alembic sees it; empty after `open_database`."""
    return list(compare_metadata(MigrationContext.configure(connection), metadata))
