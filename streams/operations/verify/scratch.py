"""This file keeps what was read in a database of its own on disk, so that memory stays flat however long the logs are.

No person can be read from it: e-mails, phones and lead ids are in it as keyed hashes, and values not at all. The file
is unlinked as soon as it is made: whatever happens, nothing of it stays behind.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Self
from uuid import UUID

from streams.operations.verify import contract
from streams.operations.verify.contract import NAMES, TOPICS

CACHE_KIB = 128 * 1024
"""Pages of the scratch database that are kept in memory."""

_TABLES = """
CREATE TABLE spans (topic INT, part INT, start INT, "end" INT, settled INT, head_ts INT,
    PRIMARY KEY (topic, part)) WITHOUT ROWID;
CREATE TABLE records (n INTEGER PRIMARY KEY, topic INT, part INT, off INT, ts INT, bytes BLOB, event BLOB, run BLOB,
    origin BLOB, action INT, cause BLOB, is_derived INT);
CREATE TABLE steps (result BLOB, action INT, record INT);
CREATE TABLE asked (result BLOB);
CREATE TABLE ends (run BLOB, topic INT);
CREATE TABLE facts (record INT, topic INT, contact TEXT, outcome TEXT, revision INT, said TEXT, lead BLOB, names TEXT);
CREATE TABLE misplaced (record INT, what TEXT);
CREATE TABLE letters (record INT, id TEXT, action INT, code TEXT, class TEXT, generation INT, topic INT, part INT,
    off INT, ts INT, place TEXT, result BLOB, run BLOB, wrong TEXT, edits INT);
CREATE TABLE owners (email BLOB PRIMARY KEY);
CREATE TABLE ledger (id BLOB, action INT, status INT, result BLOB, done_at INT);
CREATE TABLE contacts (id TEXT, key TEXT, email BLOB, phone BLOB, owner TEXT, revision INT);
CREATE TABLE effects (key TEXT, ledger BLOB, status INT, changed_at INT);
CREATE TABLE indexed (id TEXT, action INT, status TEXT, generation INT, due_at INT, indexed_at INT, bytes BLOB);
CREATE TABLE said (record INT, key TEXT, time TEXT, names TEXT);
CREATE TABLE times (key TEXT, field TEXT, time TEXT);
CREATE TABLE contents (record INT, event BLOB, digest BLOB);
CREATE TABLE mails (message_id TEXT);
CREATE TABLE mailed (message_id TEXT, recipient BLOB);
CREATE TABLE hooks (id TEXT, lead BLOB);
"""
_INDEXES = """
CREATE UNIQUE INDEX records_place ON records (topic, part, off);
CREATE INDEX records_event ON records (event) WHERE action IS NOT NULL;
CREATE INDEX ends_run ON ends (run, topic);
CREATE INDEX steps_result ON steps (result);
CREATE INDEX steps_record ON steps (record);
CREATE INDEX asked_result ON asked (result);
CREATE INDEX facts_contact ON facts (topic, contact);
CREATE INDEX facts_said ON facts (topic, said);
CREATE INDEX facts_lead ON facts (lead) WHERE lead IS NOT NULL;
CREATE INDEX letters_id ON letters (id);
CREATE INDEX ledger_id ON ledger (id);
CREATE INDEX contacts_id ON contacts (id);
CREATE INDEX contacts_key ON contacts (key);
CREATE INDEX contacts_email ON contacts (email);
CREATE INDEX effects_key ON effects (key);
CREATE INDEX indexed_id ON indexed (id);
CREATE INDEX times_key ON times (key);
CREATE INDEX contents_event ON contents (event, digest);
CREATE INDEX mails_id ON mails (message_id);
CREATE INDEX mailed_to ON mailed (recipient);
"""
Rows = Iterable[Sequence[Any]]
CONSTANTS: dict[str, object] = {
    "received": TOPICS.index(contract.RECEIVED),
    "rejected": TOPICS.index(contract.REJECTED),
    "upserted": TOPICS.index(contract.UPSERTED),
    "assigned": TOPICS.index(contract.ASSIGNED),
    "welcomed": TOPICS.index(contract.WELCOMED),
    "notified": TOPICS.index(contract.NOTIFIED),
    "letters": TOPICS.index(contract.LETTERS),
    "done": contract.DONE,
    "intent": contract.INTENT,
    "called": contract.CALLED,
    "upsert": NAMES.index("create-or-update-contact"),
}
"""What statements may name with a colon: topics and actions by their numbers here, and the product's statuses."""


class Scratch:
    """The scratch database. Use it as a context manager, from one thread at a time."""

    def __init__(self) -> None:
        """Make it in the folder that SQLite takes for such files (TMPDIR names another one)."""
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in (
            "journal_mode=OFF",
            "synchronous=OFF",
            f"cache_size=-{CACHE_KIB}",
            "temp_store=FILE",
            "threads=0",
        ):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(_TABLES)
        self._key = secrets.token_bytes(16)
        self._is_indexed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def hide(self, text: str | None) -> bytes | None:
        """Hash of something about a person: the same in this run only."""
        return (
            None if text is None else hashlib.blake2b(text.encode(), digest_size=12, key=self._key).digest()
        )

    def insert(self, table: str, rows: Rows) -> None:
        """Insert whole rows."""
        rows = rows if isinstance(rows, list) else list(rows)
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self._connection.execute("BEGIN")
            self._connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)  # noqa: S608
            self._connection.execute("COMMIT")

    def index(self) -> None:
        """Make the indexes, after the bulk of the reading: sorting once is cheaper than keeping order row by row."""
        if not self._is_indexed:
            self._connection.executescript(_INDEXES)
            self._is_indexed = True

    def clear(self, *tables: str) -> None:
        """Forget all rows of these tables."""
        for table in tables:
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours

    def run(self, statement: str, **values: object) -> None:
        """Run a statement that gives no rows."""
        self._connection.execute(statement, CONSTANTS | values)

    def ask(self, statement: str, **values: object) -> Iterable[tuple[Any, ...]]:
        """Give the rows of a SELECT as they are found."""
        return self._connection.execute(statement, CONSTANTS | values)

    def count(self, statement: str, **values: object) -> int:
        """Give the first column of the only row; 0 when it is null."""
        return int(next(iter(self.ask(statement, **values)))[0] or 0)


def as_uuid(raw: bytes) -> str:
    """Text of an id of ours."""
    return str(UUID(bytes=raw))


def number(names: Sequence[str], name: str) -> int | None:
    """Position of a name in a list of ours; None when it is none of them."""
    return names.index(name) if name in names else None
