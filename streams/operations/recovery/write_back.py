"""Writes what the topics show to ledger and effects; what is already known stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store import ledger
from streams.store.bulk import insert_many, select_in
from streams.store.ledger import LedgerRow
from streams.store.schema import CALLED, INTENT, RELEASED, effects

RECOVERED_BY = "catch-up"
"""Stands in place of a worker's name: the effect was not written by the worker that made the call."""

_COLUMNS = ("key", "ledger_id", "action", "status", "reference", "worker", "changed_at")
_SELECTED = (effects.c.key, effects.c.ledger_id, effects.c.status, effects.c.changed_at)


@dataclass(frozen=True, slots=True)
class Trace:
    """What a result, a letter or an uncommitted record shows of one call."""

    key: str
    ledger_id: bytes
    action: str
    """Its kebab-case name."""
    at_us: int
    reference: str | None = None


def add_rows(connection: Connection, rows: Sequence[LedgerRow]) -> list[LedgerRow]:
    """Write executions that the ledger lacks, and later outcomes of failed ones. Return the rows written."""
    known = ledger.find(connection, (row.id for row in rows))
    new: list[LedgerRow] = []
    later: list[tuple[LedgerRow, int]] = []
    for outcome in rows:
        row, was = outcome, known.get(outcome.id)
        if was is None:
            new.append(row)
        elif was.is_failed and (row.is_done or row.generation > was.generation):
            if row.is_done:
                row = row._replace(generation=was.generation + 1)
            later.append((row, was.generation))
        else:
            continue
        known[row.id] = row
    ledger.insert(connection, new)
    ledger.replace_failed(connection, later)
    return [*new, *(row for row, _ in later)]


def called(connection: Connection, traces: Sequence[Trace]) -> int:
    """Note that these calls were made. Return how many the store did not know as made."""
    known = _find(connection, traces)
    done = 0
    for trace in traces:
        there = known.get(trace.key)
        if there is not None and there[1] == CALLED:
            continue
        _write(connection, trace, CALLED, is_new=there is None)
        known[trace.key] = (trace.ledger_id, CALLED, trace.at_us)
        done += 1
    return done


def released(connection: Connection, traces: Sequence[Trace]) -> None:
    """Note that these calls were certainly not made, where the intent is of the same execution."""
    known = _find(connection, traces)
    for trace in traces:
        if known.get(trace.key, (b"", 0, 0))[:2] == (trace.ledger_id, INTENT):
            _write(connection, trace, RELEASED, is_new=False)


def suspected(connection: Connection, traces: Sequence[Trace]) -> list[Trace]:
    """Note that these calls may have been made, so that their executions become uncertain. Return those noted.

    A call that is known as made stays so, and a call that another execution holds stays with that one.
    """
    known = _find(connection, traces)
    held: list[Trace] = []
    for trace in traces:
        there = known.get(trace.key)
        if there is not None and (there[1] == CALLED or (there[1] == INTENT and there[0] != trace.ledger_id)):
            continue
        if there is None or there[1] == RELEASED or there[2] < trace.at_us:
            _write(connection, trace, INTENT, is_new=there is None)
            known[trace.key] = (trace.ledger_id, INTENT, trace.at_us)
        held.append(trace)
    return held


def _find(connection: Connection, traces: Sequence[Trace]) -> dict[str, tuple[bytes, int, int]]:
    rows = select_in(connection, _SELECTED, effects.c.key, {trace.key for trace in traces})
    return {row[0]: (bytes(row[1]), row[2], row[3]) for row in rows}


def _write(connection: Connection, trace: Trace, status: int, *, is_new: bool) -> None:
    values = (trace.key, trace.ledger_id, trace.action, status, trace.reference, RECOVERED_BY, trace.at_us)
    if is_new:
        insert_many(connection, effects, _COLUMNS, [values])
        return
    changed = dict(zip(_COLUMNS, values, strict=True))
    connection.execute(sa.update(effects).where(effects.c.key == changed.pop("key")).values(changed))
