"""Read and write many rows in one statement, without SQLAlchemy's cost per parameter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Table
from sqlalchemy.engine import Connection

from streams.chunks import chunked

SQLITE_PARAMETERS = 30_000
"""SQLite takes at most 32,766 in one statement."""
MAX_IDS = 500
"""Ids in one `IN (…)` of SQLAlchemy, which makes a named parameter of each."""


def select_in(
    connection: Connection, columns: Sequence[Column[Any]], where: Column[Any], values: Iterable[Any]
) -> Iterator[Sequence[Any]]:
    """Yield the rows whose `where` is one of `values`.

    SQLAlchemy's expanding `IN` makes a named parameter per value, which costs more than the query itself.
    """
    wanted = list(values)
    head = _head(tuple(columns), where)
    if connection.dialect.name == "postgresql":
        if wanted:
            yield from connection.exec_driver_sql(f"{head} = ANY(%s)", (wanted,))
        return
    for part in chunked(wanted, SQLITE_PARAMETERS):
        marks = ",".join("?" * len(part))
        yield from connection.exec_driver_sql(f"{head} IN ({marks})", tuple(part))


def delete_in(connection: Connection, where: Column[Any], values: Iterable[Any]) -> None:
    """Delete the rows whose `where` is one of `values`."""
    wanted = list(values)
    head = f"DELETE FROM {where.table.name} WHERE {where.name}"  # noqa: S608 - as in `_head`
    if connection.dialect.name == "postgresql":
        if wanted:
            connection.exec_driver_sql(f"{head} = ANY(%s)", (wanted,))
        return
    for part in chunked(wanted, SQLITE_PARAMETERS):
        connection.exec_driver_sql(f"{head} IN ({','.join('?' * len(part))})", tuple(part))


def insert_many(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert rows: tuples in the order of `columns`. Raise what the driver raises."""
    if rows:
        mark = "%s" if connection.dialect.name == "postgresql" else "?"
        connection.exec_driver_sql(_insert(table, tuple(columns), mark), list(map(tuple, rows)))


def update_many(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    where: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> int:
    """Update rows: tuples of the values of `columns`, then of `where`. Return how many rows matched."""
    if not rows:
        return 0
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    statement = _update(table, tuple(columns), tuple(where), mark)
    return connection.exec_driver_sql(statement, list(map(tuple, rows))).rowcount


@cache
def _update(table: Table, columns: tuple[str, ...], where: tuple[str, ...], mark: str) -> str:
    values = ", ".join(f"{name} = {mark}" for name in columns)
    keys = " AND ".join(f"{name} = {mark}" for name in where)
    return f"UPDATE {table.name} SET {values} WHERE {keys}"  # noqa: S608 - as in `_head`


@cache
def _head(columns: tuple[Column[Any], ...], where: Column[Any]) -> str:
    # Names come from schema.py alone, so no outside text reaches a statement.
    return f"{sa.select(*columns)} WHERE {where.table.name}.{where.name}"


@cache
def _insert(table: Table, columns: tuple[str, ...], mark: str) -> str:
    marks = ",".join([mark] * len(columns))
    return f"INSERT INTO {table.name} ({','.join(columns)}) VALUES ({marks})"  # noqa: S608 - as above
