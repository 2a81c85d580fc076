"""Store which steps pause and which runs are cancelled, for all workers and for `leads status`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store.schema import cancellations, pauses

PERSON = "person"
_NOBODY = ""
"""Holder of a pause by a person, which outlives every worker."""


@dataclass(frozen=True, slots=True)
class PauseRow:
    """One reason for which a step pauses. Moments are microseconds since the epoch."""

    step: str
    holder: str
    """The worker that paused the step itself; empty when a person did."""
    kind: str
    reason: str
    paused_by: str | None
    since: int
    next_probe: int | None
    seen_at: int


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A run that a person cancelled."""

    correlation_id: str
    lead_id: str
    reason: str
    cancelled_by: str
    cancelled_at: int


def pause(connection: Connection, step: str, reason: str, paused_by: str, now_us: int) -> bool:
    """Pause a step until `resume`; return False, and keep the first reason, when a person had paused it before."""
    if any(row.step == step for row in by_hand(connection)):
        return False
    row = PauseRow(step, _NOBODY, PERSON, reason, paused_by, now_us, None, now_us)
    connection.execute(sa.insert(pauses), [_values(row)])
    return True


def resume(connection: Connection, step: str) -> bool:
    """End a person's pause; return False when there was none."""
    is_by_hand = (pauses.c.step == step) & (pauses.c.holder == _NOBODY)
    return connection.execute(sa.delete(pauses).where(is_by_hand)).rowcount > 0


def by_hand(connection: Connection) -> list[PauseRow]:
    """Return the pauses that people made."""
    return _read(connection, pauses.c.holder == _NOBODY)


def write(connection: Connection, worker: str, rows: Sequence[PauseRow]) -> None:
    """Replace the pauses that this worker wrote for itself."""
    connection.execute(sa.delete(pauses).where(pauses.c.holder == worker))
    if rows:
        connection.execute(sa.insert(pauses), [_values(row) for row in rows])


def all_of(connection: Connection, heard_since_us: int) -> list[PauseRow]:
    """Return every pause, except those of workers without a sign of life since then."""
    return _read(connection, (pauses.c.holder == _NOBODY) | (pauses.c.seen_at >= heard_since_us))


def forget_silent(connection: Connection, heard_since_us: int) -> None:
    """Delete the pauses of workers without a sign of life since then."""
    is_silent = (pauses.c.holder != _NOBODY) & (pauses.c.seen_at < heard_since_us)
    connection.execute(sa.delete(pauses).where(is_silent))


def cancel(connection: Connection, rows: Iterable[Cancellation]) -> None:
    """Store that these runs are cancelled; an earlier cancellation of the same run is kept."""
    new = {row.correlation_id: row for row in rows}
    known = set(
        connection.execute(
            sa.select(cancellations.c.correlation_id).where(cancellations.c.correlation_id.in_(list(new)))
        ).scalars()
    )
    values = [
        {name: getattr(row, name) for name in Cancellation.__slots__}
        for correlation_id, row in new.items()
        if correlation_id not in known
    ]
    if values:
        connection.execute(sa.insert(cancellations), values)


def cancelled(connection: Connection) -> frozenset[str]:
    """Return the correlation ids of cancelled runs."""
    return frozenset(connection.execute(sa.select(cancellations.c.correlation_id)).scalars())


def prune_cancelled(connection: Connection, before_us: int, limit: int) -> int:
    """Delete at most `limit` cancellations from before then; return how many."""
    old = (
        sa.select(cancellations.c.correlation_id)
        .where(cancellations.c.cancelled_at < before_us)
        .order_by(cancellations.c.cancelled_at)
        .limit(limit)
    )
    deletion = sa.delete(cancellations).where(cancellations.c.correlation_id.in_(old))
    return connection.execute(deletion).rowcount


def _values(row: PauseRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in PauseRow.__slots__}


def _read(connection: Connection, which: sa.ColumnElement[bool]) -> list[PauseRow]:
    columns = [pauses.c[name] for name in PauseRow.__slots__]
    query = sa.select(*columns).where(which).order_by(pauses.c.step, pauses.c.since)
    return [PauseRow(*row) for row in connection.execute(query)]
