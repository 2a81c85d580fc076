"""Asks a worker for its health, makes its store unreachable, and lets it hang in several ways."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.acceptance.making import as_event, person
from tests.acceptance.processes import Process, free_port
from tests.acceptance.stage import Stage
from tests.acceptance.waiting import eventually

PEOPLE = 20
WATCHDOG_S = 3
STUCK = 4


class Answer(NamedTuple):
    """Answer of a worker; status 0 when nobody answers."""

    status: int
    document: dict[str, Any]


def asker(port: int) -> Callable[[str], Answer]:
    def ask(path: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return Answer(answer.status, json.loads(answer.read()))
        except (OSError, HTTPException):
            return Answer(0, {})
        finally:
            connection.close()

    return ask


def start(stage: Stage, module: str = "streams.interfaces.cli.main", **settings: str) -> Process:
    """Start a worker with more settings than the stage has."""
    variables = {f"LEADS_{name.upper()}": value for name, value in settings.items()}
    log = stage.folder / f"worker{len(stage.workers)}.log"
    worker = Process([module, "worker"], {**stage.environment, **variables}, log)
    stage.workers.append(worker)
    return worker


def publish(stage: Stage, first: int = 0) -> None:
    stage.publish(as_event(number, person(number)) for number in range(first, first + PEOPLE))


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Hold the write lock of a SQLite file, as another process does that writes for long."""
    connection = sqlite3.connect(str(make_url(url).database), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.close()


@contextmanager
def closed(url: str, server: str) -> Iterator[None]:
    """Let a PostgreSQL database refuse all connections."""
    name = make_url(url).database
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        yield
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@pytest.mark.timeout(120)
def test_a_worker_without_its_postgresql_reports_it_waits_longer_than_the_watchdog_and_goes_on(
    kafka: str, postgres_url: str, postgres_server: str, tmp_path: Path
) -> None:
    stage = Stage(kafka, postgres_url, tmp_path)
    stage.open()
    port = free_port()
    ask = asker(port)
    try:
        worker = start(stage, health=str(port), watchdog=f"{WATCHDOG_S}s")
        eventually(lambda: ask("/ready"), lambda answer: answer.status == 200, within=30)
        publish(stage)
        stage.settle(within=30)

        with closed(postgres_url, postgres_server):
            away = eventually(lambda: ask("/ready"), lambda answer: answer.status == 503, within=5)
            publish(stage, first=PEOPLE)
            time.sleep(3 * WATCHDOG_S)
            still_away, alive = ask("/ready"), ask("/live")
        back = eventually(lambda: ask("/ready"), lambda answer: answer.status == 200, within=15)
        stage.settle(within=30)

        assert [away.document["because"][0][:6], still_away.document["because"][0][:6]] == ["store:"] * 2
        assert still_away.status == 503
        received = f"{stage.prefix}leads.received.v1"
        assert still_away.document["topics"][received]["waiting"] == PEOPLE
        assert still_away.document["topics"][received]["oldest_unsettled_s"] > 2 * WATCHDOG_S
        assert alive == Answer(200, {"live": True, "because": []})
        assert back.document["dependencies"]["store"]["trouble"] is None
        assert worker.is_running, worker.tail()
        assert "@" not in json.dumps([away, still_away, back])
        verdict = stage.check()
        assert verdict["is_clean"], verdict
        assert verdict["counts"]["fates"] == {"onboarded": 2 * PEOPLE}
    finally:
        stage.close()


@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_worker_that_waits_for_the_lock_of_its_sqlite_file_reports_it_and_is_ready_afterwards(
    stage: Stage,
) -> None:
    stage.open()
    port = free_port()
    ask = asker(port)
    start(stage, health=str(port))

    eventually(lambda: ask("/ready"), lambda answer: answer.status == 200, within=30)
    with locked(stage.database):
        away = eventually(lambda: ask("/ready"), lambda answer: answer.status == 503, within=20)
    back = eventually(lambda: ask("/ready"), lambda answer: answer.status == 200, within=15)

    assert away.document["because"][0].startswith("store: no answer for 1")
    assert back.document["because"] == []


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "hangs",
    [
        pytest.param("assign_owner:block", id="in the store's thread", marks=pytest.mark.long),
        pytest.param("send_welcome_email:block", id="on the event loop"),
        pytest.param("send_welcome_email:wait", id="in a task", marks=pytest.mark.long),
    ],
)
def test_a_worker_that_hangs_is_ended_and_its_successor_does_the_work(stage: Stage, hangs: str) -> None:
    stage.open()
    publish(stage)
    module = "tests.acceptance.hanging"
    worker = start(stage, module, watchdog=f"{WATCHDOG_S}s", test_hang=hangs)

    code = worker.wait(within=45)
    log = worker.log.read_text()
    start(stage)
    stage.settle(within=60)

    assert code == STUCK, worker.tail()
    (line,) = [line for line in log.splitlines() if " critical " in line]
    assert "the watchdog ends this worker" in line
    assert "acceptance/hanging.py" in log.partition(line)[2]
    assert "@" not in log
    verdict = stage.check()
    assert verdict["is_clean"], verdict
    assert verdict["counts"]["fates"] == {"onboarded": PEOPLE}
    assert (verdict["uncertain"], verdict["repeated_webhooks"]) == ([], [])


@pytest.mark.timeout(180)
def test_a_worker_in_which_nothing_can_run_is_ended_by_the_kernel(stage: Stage) -> None:
    stage.open()
    publish(stage)
    module = "tests.acceptance.hanging"
    worker = start(stage, module, watchdog=f"{WATCHDOG_S}s", test_hang="validate_lead:keep")

    code = worker.wait(within=45)
    log = worker.log.read_text()
    start(stage)
    stage.settle(within=60)

    assert code == -signal.SIGVTALRM, worker.tail()
    assert "in hang_and_keep_the_lock" in log
    assert "@" not in log
    verdict = stage.check()
    assert verdict["is_clean"], verdict
    assert verdict["counts"]["fates"] == {"onboarded": PEOPLE}


@pytest.mark.timeout(60)
def test_a_second_worker_at_the_same_address_is_refused(stage: Stage) -> None:
    stage.open()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        worker = start(stage, health=str(taken.getsockname()[1]))

        code = worker.wait(within=30)

    assert code == 2
    assert "LEADS_HEALTH: nothing can listen there (Address already in use)" in worker.tail(1)
