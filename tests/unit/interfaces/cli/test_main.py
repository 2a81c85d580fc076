"""The command `leads`: how its sub-commands are found, and how each of them ends."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY, ROSTER, Commands
from tests.support.in_process import Leads


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    (tmp_path / "leads.toml").write_text(ROSTER)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    return Commands(
        {
            "LEADS_KAFKA": f"127.0.0.1:{port}",
            "LEADS_SMTP": "smtp://127.0.0.1:1025",
            "LEADS_CONFIG": str(tmp_path / "leads.toml"),
            "LEADS_DATA": str(tmp_path / "data"),
        }
    )


@pytest.mark.parametrize("command", [("worker",), ("publish", "-"), ("status",)])
def test_a_broker_that_is_not_there_ends_a_command_within_ten_seconds(
    commands: Commands, command: tuple[str, ...]
) -> None:
    unreached = commands.run(*command, stdin=b'{"email":"a@acme.example"}\n', within=10)

    assert unreached.code == 3
    assert "Error: Kafka cannot be reached at 127.0.0.1:" in unreached.err
    assert "LEADS_KAFKA" in unreached.err
    assert unreached.err.count("\n") == 1


def test_an_absent_database_is_reported_without_its_password(leads: Leads) -> None:
    leads.monkeypatch.setenv("LEADS_DATABASE", "postgresql+psycopg://ada:hush@127.0.0.1:1/leads")

    lost = leads.run("show", "l1")

    assert (lost.code, lost.out) == (3, "")
    assert "ada:***@127.0.0.1:1" in lost.err
    assert "Connection refused" in lost.err
    assert "hush" not in lost.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("publish", "/nowhere/leads.csv"), "/nowhere/leads.csv cannot be read"),
        (("dead-letters", "replay"), "--all"),
        (("dead-letters", "show", "abc"), "'abc' is not an id"),
        (("nonsense",), "No such command 'nonsense'"),
    ],
)
def test_wrong_use_ends_with_exit_code_2(leads: Leads, arguments: tuple[str, ...], message: str) -> None:
    wrong = leads.run(*arguments)

    assert wrong.code == 2
    assert message in wrong.err
    assert wrong.out == ""


def test_help_lists_every_command(leads: Leads) -> None:
    listed = leads.run("--help")
    version = leads.run("--version")

    assert (listed.code, version.code) == (0, 0)
    for name in ("worker", "publish", "show", "status", "dead-letters", "topics", "kafka", "demo"):
        assert f" {name} " in listed.out
    assert version.out.startswith("leads ")


def test_the_command_itself_imports_no_client_and_no_database() -> None:
    heavy = ("faust", "aiokafka", "sqlalchemy", "pydantic", "structlog", "rich.progress")
    script = (
        f"import sys, streams.interfaces.cli.main; print([name for name in {heavy!r} if name in sys.modules])"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )

    assert loaded.stdout.strip() == "[]"
