"""Gives people who are stored under an older key an alias, so that the same person again makes no second contact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.normalise.identity import newer_key
from actions.ports import Identity
from streams.store import aliases
from streams.store.engine import Database
from streams.store.schema import contacts

BATCH_SIZE = 5_000
Report = Callable[[int, int], None]
"""Receives the number of contacts read and their total."""


class Rekeyed(NamedTuple):
    """The result of one pass."""

    contacts: int
    """Number of contacts that were read."""
    aliases: int
    """Those whose e-mail or phone has another key by today's rules: each got an alias."""
    twice: int
    """Those of which today's key belongs to another stored contact, too: the person is stored twice, and stays so."""


async def alias_older_contacts(
    database: Database,
    identity: Identity,
    since_us: int,
    report: Report = lambda done, total: None,  # noqa: ARG005
) -> Rekeyed:
    """Compare the key of each contact with the one that today's rules give to its e-mail or phone.

    Only contacts made since `since_us` are read. It may run beside workers, and again.
    """
    total = await database.run(partial(_count, since=since_us))
    done = Rekeyed(0, 0, 0)
    after = ""
    while True:
        step = partial(_pass, identity=identity, since=since_us, after=after)
        last, read, made, twice = await database.run(step)
        done = Rekeyed(done.contacts + read, done.aliases + made, done.twice + twice)
        report(done.contacts, total)
        if read < BATCH_SIZE:
            return done
        after = last


def _count(connection: Connection, since: int) -> int:
    query = sa.select(sa.func.count()).select_from(contacts).where(contacts.c.created_at >= since)
    return connection.execute(query).scalar_one()


def _pass(connection: Connection, identity: Identity, since: int, after: str) -> tuple[str, int, int, int]:
    """Return the last key, and how many contacts were read, got an alias, and are stored twice."""
    rows = _read(connection, since, after)
    today = {row.contact_key: newer_key(identity, row.email, row.phone) for row in rows}
    changed = {new: old for old, new in today.items() if new is not None}
    made, twice = add_aliases(connection, changed)
    last = rows[-1].contact_key if rows else after
    return last, len(rows), made, twice


def add_aliases(connection: Connection, changed: Mapping[str, str]) -> tuple[int, int]:
    """Write aliases (today's key to the stored one) but for keys of stored contacts. Return how many of each."""
    taken = _existing(connection, list(changed))
    fresh = {new: old for new, old in changed.items() if new not in taken}
    known = aliases.resolve(connection, list(fresh))
    aliases.add(connection, fresh)
    return len(fresh.keys() - known.keys()), len(taken)


def _read(connection: Connection, since: int, after: str) -> Sequence[Any]:
    query = (
        sa.select(contacts.c.contact_key, contacts.c.email, contacts.c.phone)
        .where(contacts.c.contact_key > after, contacts.c.created_at >= since)
        .order_by(contacts.c.contact_key)
        .limit(BATCH_SIZE)
    )
    return connection.execute(query).all()


def _existing(connection: Connection, keys: Sequence[str]) -> set[str]:
    query = sa.select(contacts.c.contact_key).where(contacts.c.contact_key.in_(keys))
    return set(connection.execute(query).scalars())
