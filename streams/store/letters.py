"""Index dead letters: status, due time, and the original record for replay."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from streams.store.schema import letters
from topics.envelope import Headers, parse_timestamp
from topics.letter import DeadLetter

SCHEDULED, PARKED, REPLAYING = "scheduled", "parked", "replaying"
OPEN = (SCHEDULED, PARKED, REPLAYING)
RESOLVED, DISCARDED = "resolved", "discarded"
EXPIRED = "expired"
"""Retention deleted the record from its topic before anybody decided: it is lost, and only this row remains."""
ERASED = "erased"
"""A person had the record erased from the index."""
GONE = (EXPIRED, ERASED)
"""The index no longer has the record of these."""
EVERY = (*OPEN, RESOLVED, DISCARDED, *GONE)


STATUS = sa.func.coalesce(letters.c.status, "")
"""For conditions beside ids: with more than about ten ids SQLite would otherwise scan all letters of the status."""


@dataclass(frozen=True, slots=True)
class LetterRow:
    """One letter as indexed: what failed, its status, and the original record."""

    status: str
    resolution: str | None
    letter: DeadLetter
    lead_id: str | None
    key: bytes | None
    value: bytes | None
    """The value that a replay sends, including people's edits."""
    headers: Headers
    due_at: int | None = None
    """When it is retried, microseconds; while replaying, when it is requested again."""
    job: str | None = None
    """The replay job that holds it."""
    original_value: bytes | None = None
    """The value of an edited record before its first edit."""
    edited_at: int | None = None

    @property
    def is_edited(self) -> bool:
        """Whether people have changed the record."""
        return self.letter.edit_number is not None


def microseconds(text: str) -> int:
    """Return an RFC 3339 text as microseconds since the epoch."""
    return int(parse_timestamp(text).timestamp() * 1_000_000)


def dump_letter(letter: DeadLetter) -> bytes:
    """Return a letter's fields as JSON, as ledger and index store them."""
    return orjson.dumps({name: value for name, value in asdict(letter).items() if value is not None})


def load_letter(raw: bytes) -> DeadLetter:
    """Read `dump_letter` back."""
    return DeadLetter(**orjson.loads(raw))


def dump_headers(headers: Headers) -> bytes:
    """Return a header list as JSON with its order, duplicates and nulls."""
    return orjson.dumps(
        [[name, None if raw is None else base64.b64encode(raw).decode()] for name, raw in headers]
    )


def load_headers(raw: bytes) -> Headers:
    """Read `dump_headers` back."""
    return [(name, None if text is None else base64.b64decode(text)) for name, text in orjson.loads(raw)]


NO_RECORD = {
    "record_key": None,
    "record_value": None,
    "record_headers": dump_headers([]),
    "original_value": None,
}
"""Column values of a letter without its record."""


def index(connection: Connection, rows: Iterable[LetterRow], now_us: int) -> None:
    """Add letters. A letter of a known generation changes nothing, so copies are harmless."""
    values = [_values(row, now_us) for row in rows]
    if not values:
        return
    # Of several generations in one batch only the last is written, because one statement may touch a row only once.
    # If the last one is edited, the first one is written before it, because it holds the original.
    ordered = sorted(values, key=lambda value: (value["generation"], value["edits"]))
    newest = {value["id"]: value for value in ordered}
    first = {value["id"]: value for value in reversed(ordered)}
    upsert = _upsert(connection.dialect.name, tuple(values[0]))
    before = [first[key] for key, value in newest.items() if value["edits"] > first[key]["edits"]]
    for part in (before, list(newest.values())):
        if part:
            connection.execute(upsert, part)


@cache
def _upsert(dialect: str, names: tuple[str, ...]) -> Any:  # noqa: ANN401 - the dialects' Insert share no base
    # Cached: building it leaves some two hundred objects that only the cyclic garbage collector can free.
    statement: Any = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(letters)
    changed = {name: statement.excluded[name] for name in names if name != "id"}
    new, old = statement.excluded, letters.c
    original = sa.case(
        (new.edits > old.edits, sa.func.coalesce(old.original_value, old.record_value)),
        else_=old.original_value,
    )
    is_newer = (old.generation < new.generation) | (
        (old.generation == new.generation) & (old.edits < new.edits)
    )
    is_there = old.status != ERASED  # an old copy must not bring back an erased record
    set_ = changed | {"resolution": None, "resolved_at": None, "original_value": original}
    return statement.on_conflict_do_update(index_elements=["id"], set_=set_, where=is_newer & is_there)


def _values(row: LetterRow, now_us: int) -> dict[str, Any]:
    letter = row.letter
    return {
        "id": letter.id,
        "status": row.status,
        "action": letter.action,
        "code": letter.code,
        "failure_class": letter.failure_class,
        "fingerprint": letter.fingerprint,
        "generation": letter.generation,
        "first_time": letter.first_time,
        "time": letter.time,
        "due_at": None if letter.next_attempt is None else microseconds(letter.next_attempt),
        "lead_id": row.lead_id,
        "headers": dump_letter(letter),
        "record_key": row.key,
        "record_value": row.value,
        "record_headers": dump_headers(row.headers),
        "indexed_at": now_us,
        "app_version": letter.app_version[:50],
        "edits": letter.edit_number or 0,
    }


_ROW = (
    letters.c.status,
    letters.c.resolution,
    letters.c.headers,
    letters.c.lead_id,
    letters.c.record_key,
    letters.c.record_value,
    letters.c.record_headers,
    letters.c.due_at,
    letters.c.job,
    letters.c.original_value,
    letters.c.edited_at,
)


def _read(row: Sequence[Any]) -> LetterRow:
    status, resolution, letter, lead_id, key, value, headers, *rest = row
    return LetterRow(
        status, resolution, load_letter(letter), lead_id, key, value, load_headers(headers), *rest
    )


def get(connection: Connection, ids: Sequence[str]) -> list[LetterRow]:
    """Return the existing letters of these ids."""
    query = sa.select(*_ROW).where(letters.c.id.in_(sa.bindparam("ids", expanding=True)))
    return [_read(row) for row in connection.execute(query, {"ids": list(ids)})]


def find(
    connection: Connection, *, statuses: Sequence[str] = OPEN, lead_id: str | None = None, limit: int = 1000
) -> list[LetterRow]:
    """Return letters of these statuses, oldest first."""
    query = (
        sa.select(*_ROW).where(letters.c.status.in_(statuses)).order_by(letters.c.first_time, letters.c.id)
    )
    if lead_id is not None:
        query = query.where(letters.c.lead_id == lead_id)
    return [_read(row) for row in connection.execute(query.limit(limit))]


def counts(connection: Connection) -> dict[str, int]:
    """Return the number of letters by status."""
    query = sa.select(letters.c.status, sa.func.count()).group_by(letters.c.status)
    return {row[0]: row[1] for row in connection.execute(query)}
