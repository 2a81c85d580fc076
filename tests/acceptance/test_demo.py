"""`leads demo`, run as a person runs it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka import Producer


def command(folder: Path, kafka: str, prefix: str) -> tuple[list[str], dict[str, str]]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("LEADS_")}
    settings = {"LEADS_KAFKA": kafka, "LEADS_PREFIX": prefix, "LEADS_GROUP": f"{prefix}demo"}
    # As many leads as a person gets: an outage of a hundred mails and more makes the step pause.
    arguments = ["demo", "--data", str(folder), "--json"]
    return [sys.executable, "-m", "streams.interfaces.cli.main", *arguments], mine | settings


def run(folder: Path, kafka: str, prefix: str) -> dict[str, Any]:
    arguments, environment = command(folder, kafka, prefix)
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def ask(folder: Path, query: str) -> list[tuple[Any, ...]]:
    database = sqlite3.connect(folder / "leads.db")
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def kept(folder: Path) -> dict[str, object]:
    return {
        "contacts": ask(folder, "SELECT contact_id, owner_id, revision FROM contacts ORDER BY 1"),
        "turns": ask(folder, "SELECT * FROM turns"),
        "executions": ask(folder, "SELECT id, generation, done_at FROM ledger ORDER BY 1"),
        "mails": (folder / "mails.jsonl").read_text(),
        "webhooks": (folder / "webhooks.jsonl").read_text(),
    }


@pytest.mark.timeout(180)
def test_the_demo_adds_up_and_a_second_one_makes_no_second_contact_assignment_or_mail(
    kafka: str, prefix: str, tmp_path: Path
) -> None:
    first = run(tmp_path, kafka, prefix)
    after_first = kept(tmp_path)
    second = run(tmp_path, kafka, prefix)

    assert kept(tmp_path) == after_first
    for summary in (first, second):
        assert summary["received"] == summary["onboarded"] + summary["rejected"] + summary["open_letters"] > 0
    mails = [json.loads(line) for line in (tmp_path / "mails.jsonl").read_text().splitlines()]
    said_no = "CAST(fields AS TEXT) LIKE '%\"marketing\":false%'"
    wanted = ask(tmp_path, f"SELECT email FROM contacts WHERE email IS NOT NULL AND NOT ({said_no})")
    assert first["mails"] == len(mails) == len({mail["to"][0] for mail in mails})
    assert {email for (email,) in wanted} <= {mail["to"][0] for mail in mails}
    assert 0 < len(wanted) <= len(mails)
    assert first["mails_after_the_outage"] > 0
    assert (second["mails"], second["webhooks"], second["contacts_new"]) == (0, 0, 0)
    assert second["results"] == first["results"]
    for summary in (first, second):
        assert len(summary["letters_by_code"]) == 12
        assert sum(summary["letters_by_code"].values()) == summary["open_letters"]


def test_topics_with_the_results_of_another_database_are_refused_before_a_worker_touches_them(
    kafka: str, prefix: str, tmp_path: Path
) -> None:
    arguments, environment = command(tmp_path, kafka, prefix)
    leads = arguments[: arguments.index("demo")]
    config = {"LEADS_CONFIG": str(Path(__file__).parents[2] / "leads.sample.toml")}
    subprocess.run([*leads, "topics", "apply"], env=environment | config, capture_output=True, check=True)
    producer = Producer({"bootstrap.servers": kafka})
    for topic in ("leads.received.v1", "leads.validated.v1"):
        producer.produce(prefix + topic, b"{}")
    producer.flush()

    refused = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)

    assert refused.returncode == 2, refused.stderr
    assert f"topics {prefix}* hold the results of another database" in refused.stderr
    assert ask(tmp_path, "SELECT count(*) FROM ledger") == [(0,)]


def test_an_interrupted_demo_leaves_no_process_behind(kafka: str, prefix: str, tmp_path: Path) -> None:
    arguments, environment = command(tmp_path, kafka, prefix)
    with subprocess.Popen(
        arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        children = started_by(demo)
        demo.send_signal(signal.SIGINT)
        _, printed = demo.communicate(timeout=30)

    assert demo.returncode == 130, printed
    assert not any(child.is_running() for child in children)


def test_a_killed_demo_takes_its_children_along(kafka: str, prefix: str, tmp_path: Path) -> None:
    arguments, environment = command(tmp_path, kafka, prefix)
    with subprocess.Popen(
        arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        children = started_by(demo)
        demo.kill()

    gone, alive = psutil.wait_procs(children, timeout=20)
    assert len(gone) == 3
    assert alive == []


def started_by(demo: subprocess.Popen[str]) -> list[psutil.Process]:
    """Wait until mail server, webhook receiver and worker run, as the demo prints; return them."""
    assert demo.stderr is not None
    line = ""
    deadline = time.monotonic() + 60
    while "are ready" not in line:
        line = demo.stderr.readline()
        assert line, "the demo ended"
        assert time.monotonic() < deadline
    children = psutil.Process(demo.pid).children()
    assert len(children) == 3
    return children
