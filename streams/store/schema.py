"""Define the tables. Moments are microseconds since the epoch, UTC; ids are 16 bytes or text."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

metadata = MetaData()

DONE, FAILED = 1, 2
"""Ledger status: the action emitted its result, or the record was dead-lettered."""

ledger = Table(
    "ledger",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),  # the idempotency key: the result's ce_id
    Column("action", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("correlation_id", String(36), nullable=False),
    Column("lead_id", Text, nullable=False),
    Column("contact_key", String(64)),
    Column("status", SmallInteger, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("digest", LargeBinary(16)),  # content of a public event: tells a repetition from a reused id
    Column("result_type", String(100)),
    Column("result", LargeBinary),  # the result event, or the letter's fields when it failed
    Column("code", String(100)),
    Column("duration_us", BigInteger, nullable=False),
    Column("done_at", BigInteger, nullable=False),
    Index("ledger_lead", "lead_id"),
    Index("ledger_contact", "contact_key"),
    Index("ledger_done_at", "done_at"),  # pruning walks it
)

contacts = Table(
    "contacts",
    metadata,
    Column("contact_key", String(64), primary_key=True),
    Column("contact_id", String(36), nullable=False, unique=True),
    Column("email", Text),
    Column("phone", String(20)),
    Column("fields", LargeBinary, nullable=False),  # JSON: per field value, source, time, event id
    Column("owner_id", String(100)),
    Column("revision", Integer, nullable=False),
    Column("row_version", Integer, nullable=False),  # a write based on an older read is refused and repeated
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("contacts_phone", "phone"),
)

turns = Table(
    "turns",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("next", BigInteger, nullable=False),
)

INTENT, RELEASED, CALLED = 1, 2, 3
"""Effect status: call intended (perhaps cut off while calling), certainly not called, called."""

effects = Table(
    "effects",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("ledger_id", LargeBinary(16), nullable=False),  # the execution that holds or made the call
    Column("action", String(100), nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("reference", Text),
    Column("worker", String(36), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index("effects_status", "status"),
)

letters = Table(
    "letters",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("status", String(20), nullable=False),  # see streams/store/letters.py
    Column("resolution", String(20)),  # resolved | noop
    Column("action", String(100), nullable=False),
    Column("code", String(100), nullable=False),
    Column("failure_class", String(20), nullable=False),
    Column("fingerprint", String(12), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("first_time", String(30), nullable=False),
    Column("time", String(30), nullable=False),
    Column("due_at", BigInteger),  # of the automatic retry; while replaying: when to request it again
    Column("lead_id", Text),
    Column("headers", LargeBinary, nullable=False),  # JSON: the letter's fields
    Column("record_key", LargeBinary),
    Column("record_value", LargeBinary),
    Column("record_headers", LargeBinary, nullable=False),  # JSON [[name, base64 | null], …]
    Column("indexed_at", BigInteger, nullable=False),
    Column("resolved_at", BigInteger),
    Column("app_version", String(50)),
    Column("original_value", LargeBinary),  # of an edited record: the value before its first edit
    Column("edits", Integer, nullable=False, server_default="0"),
    Column("edited_at", BigInteger),
    Column("job", String(36)),  # the replay job that holds it
    Index("letters_due", "status", "due_at"),
    Index("letters_indexed_at", "indexed_at"),  # pruning walks it
    # Every column that lists, groups and counts need, so that they read no record to find, sort and count.
    Index(
        "letters_groups",
        "status",
        "fingerprint",
        "action",
        "code",
        "failure_class",
        "first_time",
        "time",
        "id",
        "app_version",
    ),
)

pauses = Table(
    "pauses",
    metadata,
    Column("step", String(100), primary_key=True),
    Column("holder", String(36), primary_key=True),  # the worker that paused it itself; empty: a person
    Column("kind", String(20), primary_key=True),  # person | dependency | flood
    Column("reason", Text, nullable=False),
    Column("paused_by", String(200)),
    Column("since", BigInteger, nullable=False),
    Column("next_probe", BigInteger),
    Column("seen_at", BigInteger, nullable=False),  # last sign of life of the worker
)

cancellations = Table(
    "cancellations",
    metadata,
    Column("correlation_id", String(36), primary_key=True),  # the run
    Column("lead_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cancelled_by", String(200), nullable=False),
    Column("cancelled_at", BigInteger, nullable=False),
    Index("cancellations_at", "cancelled_at"),
)

jobs = Table(
    "replay_jobs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("status", String(20), nullable=False),  # running | paused | stopped | cancelled | done
    Column("reason", Text, nullable=False),
    Column("author", String(200), nullable=False),
    Column("options", LargeBinary, nullable=False),  # JSON
    Column("plan_sha256", String(64), nullable=False),
    Column("message", Text),  # why it stopped
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("holder", String(36), nullable=False),  # the process that works on it
    Index("replay_jobs_created_at", "created_at"),
)

job_items = Table(
    "replay_job_items",
    metadata,
    Column("job", String(36), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("letter_id", String(36), nullable=False),
    Column("state", String(20), nullable=False),  # waiting | asked | resolved | noop | failed | skipped
    Column("planned", LargeBinary, nullable=False),  # JSON: the plan's data about it
    Column("found", Text),  # why it was skipped, or how its outcome differs from the plan
    Index("replay_job_items_state", "job", "state", "position"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column(
        "contact_key", String(64), primary_key=True
    ),  # of the e-mail or the phone that the suppression names
    Column("reason", String(20), primary_key=True),
    Column("time", String(30), nullable=False),  # the latest one of this reason
)

contact_aliases = Table(
    "contact_aliases",
    metadata,
    Column("alias", String(64), primary_key=True),  # the key by today's rules of reading
    Column("contact_key", String(64), nullable=False),  # the key of the stored contact
    Index("contact_aliases_key", "contact_key"),
)

marks = Table(
    "marks",
    metadata,
    Column("name", String(50), primary_key=True),  # see streams/store/marks.py
    Column("moment", BigInteger, nullable=False),
)
