"""Read and write the ledger: which (event, action, version) was done, with its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store import effects
from streams.store.bulk import delete_in, insert_many, select_in
from streams.store.engine import ConflictError
from streams.store.schema import DONE, FAILED, ledger


class LedgerRow(NamedTuple):
    """One execution. `result` is the result event's JSON, or the letter's fields when it failed."""

    id: bytes
    action: str
    version: int
    correlation_id: str
    lead_id: str
    contact_key: str | None
    status: int
    generation: int
    attempts: int
    digest: bytes | None
    result_type: str | None
    result: bytes | None
    code: str | None
    duration_us: int
    done_at: int

    @property
    def is_done(self) -> bool:
        """Whether the action emitted its result."""
        return self.status == DONE

    @property
    def is_failed(self) -> bool:
        """Whether the record was dead-lettered."""
        return self.status == FAILED


COLUMNS = LedgerRow._fields
_SELECTED = tuple(ledger.c[name] for name in COLUMNS)
_SELECT = sa.select(*_SELECTED)
_REPLACE = (
    sa.update(ledger)
    .where(
        ledger.c.id == sa.bindparam("b_id"),
        ledger.c.status == FAILED,
        ledger.c.generation == sa.bindparam("b_was"),
    )
    .values({name: sa.bindparam(name) for name in COLUMNS if name != "id"})
)


def find(connection: Connection, ids: Iterable[bytes]) -> dict[bytes, LedgerRow]:
    """Return the existing rows of these ids."""
    rows = select_in(connection, _SELECTED, ledger.c.id, dict.fromkeys(ids))
    return {row[0]: LedgerRow._make(row) for row in rows}


def insert(connection: Connection, rows: Sequence[LedgerRow]) -> None:
    """Insert new rows. The primary key refuses a second execution; the transaction is then repeated."""
    insert_many(connection, ledger, COLUMNS, rows)


def replace_failed(connection: Connection, rows: Sequence[tuple[LedgerRow, int]]) -> None:
    """Replace failures of generation `was` with outcomes of replays. Raise `ConflictError` when one is missing."""
    for row, was in rows:
        values = row._asdict()
        values["b_id"], values["b_was"] = values.pop("id"), was
        if connection.execute(_REPLACE, values).rowcount != 1:
            msg = "another worker replayed this letter first"
            raise ConflictError(msg)


def of_lead(connection: Connection, lead_id: str) -> list[LedgerRow]:
    """Return everything done about a lead, oldest first."""
    query = _SELECT.where(ledger.c.lead_id == lead_id).order_by(ledger.c.done_at)
    return [LedgerRow._make(row) for row in connection.execute(query)]


def of_contact(connection: Connection, contact_key: str) -> list[LedgerRow]:
    """Return everything done about a contact, oldest first."""
    query = _SELECT.where(ledger.c.contact_key == contact_key).order_by(ledger.c.done_at)
    return [LedgerRow._make(row) for row in connection.execute(query)]


def prune(
    connection: Connection,
    before_us: int,
    limit: int,
    of_runs: Mapping[str, Callable[[str], str]],
) -> int:
    """Delete at most `limit` executions that ended before `before_us`; return how many.

    The same transaction deletes the effects of their runs (`of_runs`: see `effects.prune`), so that neither outlives
    the other.
    """
    old = connection.execute(
        sa.select(ledger.c.id, ledger.c.action, ledger.c.correlation_id)
        .where(ledger.c.done_at < before_us)
        .order_by(ledger.c.done_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    ids = [row.id for row in old]
    delete_in(connection, ledger.c.id, ids)
    effects.prune(connection, [(row.action, row.correlation_id, row.id) for row in old], of_runs)
    return len(ids)
