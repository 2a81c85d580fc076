"""Repairs contacts whose fields carry a time in the future, against which every later correction loses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.clock import Clock, from_us
from streams.store.engine import Database
from streams.store.schema import contacts
from topics.envelope import MAX_AHEAD, timestamp

BATCH_SIZE = 2_000

Report = Callable[[int, int], None]
"""Receives the number of contacts read and their total."""


class Repaired(NamedTuple):
    """The result of one pass."""

    contacts: int
    """Number of contacts that were read."""
    changed: int
    """Those with at least one such field."""
    fields: int


class _Row(NamedTuple):
    key: str
    fields: bytes
    row_version: int
    updated_at: int


async def repair_future_times(
    database: Database,
    clock: Clock,
    *,
    is_dry: bool,
    report: Report = lambda done, total: None,  # noqa: ARG005
) -> Repaired:
    """Set each time that is more than an hour ahead of now to when the contact was last written; values stay.

    With `is_dry` only count. It may run beside workers, and again: a contact that one of them changes meanwhile is
    left for the next pass.
    """
    latest = timestamp(clock() + MAX_AHEAD)
    total = await database.run(_count)
    done = Repaired(0, 0, 0)
    after = ""
    while True:
        rows = await database.run(partial(_read, after=after))
        repaired = [
            (row, fields, number) for row in rows for fields, number in [_repair(row, latest)] if number
        ]
        if repaired and not is_dry:
            await database.run(partial(_write, repaired=[(row, fields) for row, fields, _ in repaired]))
        done = Repaired(
            done.contacts + len(rows),
            done.changed + len(repaired),
            done.fields + sum(number for _, _, number in repaired),
        )
        report(done.contacts, total)
        if len(rows) < BATCH_SIZE:
            return done
        after = rows[-1].key


def _count(connection: Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(contacts)).scalar_one()


def _read(connection: Connection, after: str) -> list[_Row]:
    query = (
        sa.select(contacts.c.contact_key, contacts.c.fields, contacts.c.row_version, contacts.c.updated_at)
        .where(contacts.c.contact_key > after)
        .order_by(contacts.c.contact_key)
        .limit(BATCH_SIZE)
    )
    return [_Row(*row) for row in connection.execute(query)]


def _repair(row: _Row, latest: str) -> tuple[bytes, int]:
    """Return the fields with their times set right, and how many were wrong."""
    fields = orjson.loads(row.fields)
    written = timestamp(from_us(row.updated_at))
    wrong = 0
    for name, (value, source, time, event_id) in fields.items():
        if time <= latest:
            continue
        wrong += 1
        if isinstance(value, dict) and value.get("time", "") > latest:  # the time that a consent shows
            value["time"] = written
        fields[name] = [value, source, written, event_id]
    return orjson.dumps(fields), wrong


def _write(connection: Connection, repaired: Sequence[tuple[_Row, bytes]]) -> None:
    for row, fields in repaired:
        connection.execute(
            sa.update(contacts)
            .where(contacts.c.contact_key == row.key, contacts.c.row_version == row.row_version)
            .values(fields=fields, row_version=row.row_version + 1)
        )
