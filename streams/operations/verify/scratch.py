"""Keeps what was read in a temporary database on disk, so that memory does not grow with the logs.

It has no personal data: e-mails, phones and lead ids are keyed hashes, and values are not kept. The file is unlinked
when it is created, so nothing of it remains in any case.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Self
from uuid import UUID

from streams.operations.verify import contract as written
from streams.operations.verify.contract import Contract

CACHE_KIB = 128 * 1024
"""Pages of the scratch database that are kept in memory."""
NO_TOPIC = -1
"""Number of a topic that the workflow does not have."""

_TABLES = """
CREATE TABLE spans (topic INT, part INT, start INT, "end" INT, settled INT, head_ts INT,
    PRIMARY KEY (topic, part)) WITHOUT ROWID;
CREATE TABLE records (n INTEGER PRIMARY KEY, topic INT, part INT, off INT, ts INT, bytes BLOB, event BLOB, run BLOB,
    origin BLOB, action INT, cause BLOB, is_derived INT);
CREATE TABLE steps (result BLOB, action INT, record INT);
CREATE TABLE asked (result BLOB);
CREATE TABLE facts (record INT, topic INT, contact TEXT, outcome TEXT, revision INT, owner TEXT, lead BLOB, names TEXT);
CREATE TABLE proofs (record INT, effect TEXT, key BLOB, contact TEXT, reference TEXT);
CREATE TABLE misplaced (record INT, what TEXT);
CREATE TABLE letters (record INT, id TEXT, action INT, code TEXT, class TEXT, generation INT, topic INT, part INT,
    off INT, ts INT, place TEXT, result BLOB, run BLOB, wrong TEXT, edits INT);
CREATE TABLE owners (email BLOB PRIMARY KEY);
CREATE TABLE ledger (id BLOB, action INT, status INT, result BLOB, done_at INT);
CREATE TABLE contacts (id TEXT, key TEXT, email BLOB, phone BLOB, owner TEXT, revision INT);
CREATE TABLE effects (key TEXT, name TEXT, subject TEXT, ledger BLOB, status INT, changed_at INT);
CREATE TABLE indexed (id TEXT, action INT, status TEXT, generation INT, due_at INT, indexed_at INT, bytes BLOB);
CREATE TABLE field_times (record INT, key TEXT, time TEXT, names TEXT);
CREATE TABLE times (key TEXT, field TEXT, time TEXT);
CREATE TABLE contents (record INT, event BLOB, digest BLOB);
CREATE TABLE mails (message_id TEXT, id TEXT);
CREATE TABLE mailed (message_id TEXT, recipient BLOB);
CREATE TABLE hooks (webhook_id TEXT, id TEXT, lead BLOB);
"""
_INDEXES = """
CREATE UNIQUE INDEX records_place ON records (topic, part, off);
CREATE INDEX records_event ON records (event) WHERE action IS NOT NULL;
CREATE INDEX steps_result ON steps (result);
CREATE INDEX steps_record ON steps (record);
CREATE INDEX asked_result ON asked (result);
CREATE INDEX facts_contact ON facts (topic, contact);
CREATE INDEX facts_lead ON facts (lead) WHERE lead IS NOT NULL;
CREATE INDEX proofs_reference ON proofs (reference);
CREATE INDEX letters_id ON letters (id);
CREATE INDEX ledger_id ON ledger (id);
CREATE INDEX contacts_id ON contacts (id);
CREATE INDEX contacts_key ON contacts (key);
CREATE INDEX contacts_email ON contacts (email);
CREATE INDEX indexed_id ON indexed (id);
CREATE INDEX times_key ON times (key);
CREATE INDEX contents_event ON contents (event, digest);
CREATE INDEX mails_message_id ON mails (message_id);
CREATE INDEX mails_id ON mails (id);
CREATE INDEX hooks_webhook_id ON hooks (webhook_id);
CREATE INDEX hooks_id ON hooks (id);
CREATE INDEX mailed_to ON mailed (recipient);
"""
Rows = Iterable[Sequence[Any]]


class Scratch:
    """The scratch database. Use it as a context manager, from one thread at a time."""

    def __init__(self, contract: Contract) -> None:
        """Make it in the folder that SQLite takes for such files (TMPDIR names another one)."""
        self.contract = contract
        self._constants: dict[str, object] = {
            name: contract.topics.index(topic) if topic in contract.topics else NO_TOPIC
            for name, topic in (
                ("received", written.RECEIVED),
                ("upserted", written.UPSERTED),
                ("assigned", written.ASSIGNED),
                ("matched", written.MATCHED),
            )
        }
        self._actions = {name: number for number, name in enumerate(contract.names)}
        self._constants |= {"done": written.DONE, "intent": written.INTENT, "called": written.CALLED}
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in (
            "journal_mode=OFF",
            "synchronous=OFF",
            f"cache_size=-{CACHE_KIB}",
            "temp_store=FILE",
            "threads=0",
        ):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.create_function("mail_id_of", 1, written.mail_id_of, deterministic=True)
        self._connection.create_function("hook_id_of", 1, written.hook_id_of, deterministic=True)
        self._connection.executescript(_TABLES)
        self._key = secrets.token_bytes(16)
        self._is_indexed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def hide(self, text: str | None) -> bytes | None:
        """Return a hash of something about a person: the same in this run only."""
        return (
            None if text is None else hashlib.blake2b(text.encode(), digest_size=12, key=self._key).digest()
        )

    def action(self, name: str) -> int | None:
        """Return the number of an action; None of one that the workflow does not have."""
        return self._actions.get(name)

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
        """Delete all rows of these tables."""
        for table in tables:
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours

    def run(self, statement: str, **values: object) -> None:
        """Run a statement that returns no rows.

        Statements may name with a colon `received`, `upserted`, `assigned` and `matched` (topics by their numbers here)
        and the product's statuses `done`, `intent` and `called`.
        """
        self._connection.execute(statement, self._constants | values)

    def ask(self, statement: str, **values: object) -> Iterable[tuple[Any, ...]]:
        """Return the rows of a SELECT as they are found. Statements are as in `run`."""
        return self._connection.execute(statement, self._constants | values)

    def count(self, statement: str, **values: object) -> int:
        """Return the first column of the only row; 0 when it is null."""
        return int(next(iter(self.ask(statement, **values)))[0] or 0)


def as_uuid(raw: bytes) -> str:
    """Return the text of an id of ours."""
    return str(UUID(bytes=raw))
