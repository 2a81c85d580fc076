"""Runs `leads verify` on what real workers left, and then on what broken ones would have left."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.acceptance.judging import KINDS
from tests.acceptance.making import event_headers, mixture
from tests.acceptance.processes import REPOSITORY, clean_environment
from tests.acceptance.stage import Published, Stage
from tests.support.outside_client import ASSIGNED, LETTERS, WELCOMED, ends

CLEAN, FOUND, COULD_NOT_LOOK = 0, 5, 3
POISONED = 3
ID = "(SELECT id FROM ledger WHERE action = 'assign-owner' AND status = 1 ORDER BY id LIMIT 1 OFFSET {})"
CONTACT = "(SELECT contact_id FROM contacts WHERE email IS NOT NULL ORDER BY contact_id LIMIT 1 OFFSET {})"
COLUMNS = "email, phone, fields, owner_id, revision, row_version, created_at, updated_at"
PLANTS = {
    "a result event that the ledger does not have": (
        f"DELETE FROM ledger WHERE id = {ID.format(0)} RETURNING lower(hex(id))"
    ),
    "the ledger has another result than the topic": (
        f"UPDATE ledger SET result = X'7B7D' WHERE id = {ID.format(1)} RETURNING lower(hex(id))"
    ),
    "two contacts for one e-mail": (
        f"INSERT INTO contacts (contact_key, contact_id, {COLUMNS}) SELECT 'other', 'other', {COLUMNS} "
        f"FROM contacts WHERE contact_id = {CONTACT.format(0)} RETURNING contact_id"
    ),
    "the contact is older than its newest event": (
        f"UPDATE contacts SET revision = 0 WHERE contact_id = {CONTACT.format(1)} RETURNING contact_id"
    ),
    "LeadAssigned, but the contact has not this owner": (
        f"UPDATE contacts SET owner_id = NULL WHERE contact_id = {CONTACT.format(2)} RETURNING contact_id"
    ),
    "ContactUpserted, but no contact": (
        f"DELETE FROM contacts WHERE contact_id = {CONTACT.format(3)} RETURNING contact_id"
    ),
    "a letter that is not in the index": "DELETE FROM letters WHERE id = (SELECT min(id) FROM letters) RETURNING id",
    "the index has another record than the letter": (
        "UPDATE letters SET record_value = X'7B7D' WHERE id = (SELECT min(id) FROM letters) RETURNING id"
    ),
    "a scheduled retry that is long overdue": (
        "UPDATE letters SET status = 'scheduled', due_at = 1 WHERE id = (SELECT max(id) FROM letters) RETURNING id"
    ),
    "an intent without outcome, and no letter UNCERTAIN": (
        "UPDATE effects SET status = 1, changed_at = 1 WHERE key = (SELECT min(key) FROM effects) "
        "RETURNING lower(hex(ledger_id))"
    ),
}


def poison(number: int) -> Published:
    headers = [("x", b"1"), ("x", None), *event_headers(f"poison-{number}")]
    return Published(b'{"email": 17}', b"key %d" % number, headers)


def verify(stage: Stage, *options: str, **settings: str) -> tuple[int, dict[str, Any]]:
    """Run the command as its users do; return exit code and document."""
    done = subprocess.run(
        [sys.executable, "-m", "streams.interfaces.cli.main", "verify", "--json", *options],
        cwd=REPOSITORY,
        env={**clean_environment(), **stage.environment, **settings},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def what_of(document: dict[str, Any]) -> set[str]:
    return {finding["what"] for finding in document["found"]}


def ids(document: dict[str, Any], what: str) -> str:
    """All ids and places of a finding, as one text."""
    return json.dumps([found for kind in KINDS for found in document[kind] if found["what"] == what])


def work_through(stage: Stage, count: int) -> None:
    stage.open()
    leads = [record for record in mixture(count, Random(5)).records if record.key != b"poison"]
    stage.publish([*leads, *map(poison, range(POISONED))])
    worker = stage.start_worker()
    stage.settle(within=40)
    worker.terminate(within=15)


@pytest.fixture(scope="module")
def worked(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An installation on SQLite that settled 100 leads and some poison records."""
    folder = tmp_path_factory.mktemp("worked")
    stage = Stage(kafka, f"sqlite:///{folder / 'leads.db'}", folder)
    try:
        work_through(stage, 100)
        yield stage
    finally:
        stage.close()


def copy_of(worked: Stage, folder: Path) -> Path:
    """Copy the database; the copy is free to be spoilt."""
    path = folder / "copy.db"
    with closing(sqlite3.connect(worked.database.removeprefix("sqlite:///"))) as original:
        original.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(worked.database.removeprefix("sqlite:///"), path)
    return path


def test_what_healthy_workers_leave_is_clean_and_the_offsets_stay_as_they_were(worked: Stage) -> None:
    before = worked.lag()

    code, document = verify(
        worked, "--mails", str(worked.mails.file), "--webhooks", str(worked.webhooks.file)
    )

    assert code == CLEAN, document["found"]
    assert document["is_clean"]
    assert sum(document["counts"]["fates"].values()) == document["counts"]["received"]
    assert document["counts"]["fates"]["letter"] == POISONED
    assert worked.lag() == before == {}


@pytest.fixture(scope="module")
def spoilt(
    worked: Stage, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, list[str]], int, dict[str, Any]]:
    """What was planted, each in a row of its own; exit code and document."""
    path = copy_of(worked, tmp_path_factory.mktemp("spoilt"))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        planted = {what: [row[0] for row in connection.execute(plant)] for what, plant in PLANTS.items()}
    return planted, *verify(worked, "--limit", "1000", LEADS_DATABASE=f"sqlite:///{path}")


@pytest.mark.parametrize("what", PLANTS)
def test_a_spoilt_database_is_named_with_its_ids(
    spoilt: tuple[dict[str, list[str]], int, dict[str, Any]], what: str
) -> None:
    planted, code, document = spoilt

    assert code == FOUND
    (offending,) = planted[what]
    assert offending in ids(document, what) + ids(document, what).replace("-", ""), document["found"]


def test_what_cannot_be_read_ends_otherwise_than_what_was_found(worked: Stage, tmp_path: Path) -> None:
    code, document = verify(worked, LEADS_DATABASE=f"sqlite:///{tmp_path / 'none.db'}")
    assert (code, "cannot be read" in document["error"]) == (COULD_NOT_LOOK, True)
    assert not (tmp_path / "none.db").exists()

    code, document = verify(worked, LEADS_PREFIX="nobody.")
    assert (code, "LEADS_PREFIX" in document["error"]) == (COULD_NOT_LOOK, True)


def test_what_arrived_outside_is_compared_too_and_what_is_unread_is_counted(
    worked: Stage, tmp_path: Path
) -> None:
    mails, webhooks = tmp_path / "mails.jsonl", tmp_path / "webhooks.jsonl"
    first, *others = worked.mails.file.read_bytes().splitlines(keepends=True)
    mails.write_bytes(b"".join([first, first, *others[1:]]))
    call, *calls = worked.webhooks.file.read_bytes().splitlines(keepends=True)
    webhooks.write_bytes(b"".join([*calls, *calls, b'{"half a line']))

    code, document = verify(worked, "--mails", str(mails), "--webhooks", str(webhooks))

    assert code == FOUND
    assert what_of(document) == {
        "one mail twice at the mail server",
        "a result names a mail that the mail server does not have",
        "a result names a webhook call that the receiver does not have",
    }
    assert json.loads(first)["message_id"] in ids(document, "one mail twice at the mail server")
    missing = ids(document, "a result names a mail that the mail server does not have")
    assert json.loads(others[0])["message_id"] in missing
    uncalled = ids(document, "a result names a webhook call that the receiver does not have")
    assert json.loads(call)["webhook_id"] in uncalled
    assert document["counts"]["repeated_webhooks"] == len(calls)
    assert len(document["repeated_webhooks"]) == min(len(calls), 20)


@pytest.fixture
def stage(kafka: str, database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """Two installations, one after the other: on SQLite and on PostgreSQL."""
    made = Stage(kafka, database_url, tmp_path)
    yield made
    made.close()


@pytest.mark.long
@pytest.mark.timeout(180)
def test_spoilt_topics_are_named_on_both_databases(stage: Stage) -> None:
    work_through(stage, 60)
    assert verify(stage)[0] == CLEAN
    assigned, welcomed = stage.records(ASSIGNED)[0], stage.records(WELCOMED)[0]
    letter = stage.records(LETTERS)[0]
    other = {**assigned.data, "owner": {"id": "zoe", "name": "Zoe", "email": "zoe@acme.example"}}
    unseen = [(name, b"a new id" if name == "ce_id" else value) for name, value in welcomed.headers]
    lost = Published(b'{"email": "lost@customer.example"}', b"lost", event_headers("e-lost"))

    stage.publish([Published(json.dumps(other).encode(), assigned.key, assigned.headers)], topic=ASSIGNED)
    stage.publish([Published(welcomed.value, welcomed.key, unseen)], topic=WELCOMED)
    stage.publish([Published((letter.value or b"") + b" ", letter.key, letter.headers)], topic=LETTERS)
    (place,) = stage.publish([lost])
    document = verify(stage, "--unsettled-after", "0")[1]
    assert place in ids(document, "a record that nobody has settled for long")
    acknowledge_everything(stage)
    code, document = verify(stage)

    assert code == FOUND
    assert str(assigned.header("ce_id")) in ids(document, "one ce_id, two contents")
    assert place in ids(document, "an action left no result and no letter")
    assert "a record that is not an event of this topic" in what_of(document)
    assert str(letter.header("__dlq.errors.id")) in ids(
        document, "the letter's value is not that of the record"
    )


def acknowledge_everything(stage: Stage) -> None:
    """Commit every end for the group, as a worker does that acknowledges before the work."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": stage.kafka, "group.id": stage.group, "log_level": 4})
    try:
        consumer.commit(
            offsets=[
                TopicPartition(stage.prefix + topic, partition, end)
                for (topic, partition), end in ends(stage.kafka, stage.prefix).items()
            ],
            asynchronous=False,
        )
    finally:
        consumer.close()
