"""Aliases: keys that today's rules of reading give to people who are stored under an older key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy.engine import Connection

from streams.store.bulk import select_in
from streams.store.schema import contact_aliases

_COLUMNS = (contact_aliases.c.alias, contact_aliases.c.contact_key)


def resolve(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Return the stored contact's key of those keys that are aliases."""
    return {row[0]: row[1] for row in select_in(connection, _COLUMNS, contact_aliases.c.alias, keys)}


def of_contacts(connection: Connection, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Return the aliases of these contacts: alias and contact key."""
    return ((row[0], row[1]) for row in select_in(connection, _COLUMNS, contact_aliases.c.contact_key, keys))


def add(connection: Connection, aliases: Mapping[str, str]) -> None:
    """Write aliases (alias to contact key); one that is there stays."""
    from sqlalchemy.dialects import postgresql, sqlite  # noqa: PLC0415 - one of them is used

    if not aliases:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    rows = [{"alias": alias, "contact_key": key} for alias, key in sorted(aliases.items())]
    connection.execute(dialect.insert(contact_aliases).on_conflict_do_nothing(index_elements=["alias"]), rows)
