"""A worker with broken settings refuses to start: exit code 2, one sentence that names the place."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY, ROSTER, Commands


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


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (ROSTER + "[welcom]\n", "welcom"),
        ("[leads]\n", "[[owners]]"),
    ],
)
def test_a_broken_leads_toml_is_reported_with_its_place(
    commands: Commands, tmp_path: Path, config: str, named: str
) -> None:
    (tmp_path / "leads.toml").write_text(config)

    refused = commands.run("worker")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(f"Error: {tmp_path / 'leads.toml'}")
    assert named in refused.err
    assert refused.err.count("\n") == 1


@pytest.mark.parametrize(
    ("setting", "text", "named"),
    [
        ("kafka", "127.0.0.1", "LEADS_KAFKA"),
        ("database", "mysql://x", "LEADS_DATABASE"),
        ("smtp", "", "LEADS_SMTP"),
        ("config", "/nowhere/leads.toml", "/nowhere/leads.toml"),
        ("env", "production", "LEADS_SECRET"),
    ],
)
def test_a_wrong_variable_is_reported_by_its_name(
    commands: Commands, setting: str, text: str, named: str
) -> None:
    refused = commands.set(**{setting: text}).run("worker")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("Error: ")
    assert named in refused.err
    assert refused.err.count("\n") == 1


def test_production_demands_tls_to_another_machine(commands: Commands) -> None:
    production = commands.set(env="production", secret="0123456789abcdef", kafka="kafka.acme.example:9092")

    refused = production.run("worker")

    assert refused.code == 2
    assert "kafka.acme.example:9092 is plain text and production demands TLS" in refused.err


@pytest.mark.parametrize("command", [("worker",), ("publish", "-"), ("status",)])
def test_a_broker_that_is_not_there_ends_a_command_within_ten_seconds(
    commands: Commands, command: tuple[str, ...]
) -> None:
    unreached = commands.run(*command, stdin=b'{"email":"a@acme.example"}\n', within=10)

    assert unreached.code == 3
    assert "Error: Kafka cannot be reached at 127.0.0.1:" in unreached.err
    assert "LEADS_KAFKA" in unreached.err
    assert unreached.err.count("\n") == 1


def test_an_absent_database_is_reported_without_its_password(commands: Commands) -> None:
    lost = commands.set(database="postgresql+psycopg://ada:hush@127.0.0.1:1/leads").run("show", "l1")

    assert (lost.code, lost.out) == (3, "")
    assert "ada:***@127.0.0.1:1" in lost.err
    assert "Connection refused" in lost.err
    assert "hush" not in lost.err


def test_a_dry_run_judges_every_lead_and_needs_no_broker(commands: Commands, tmp_path: Path) -> None:
    leads = tmp_path / "new leads.csv"
    leads.write_text("email,country\nada@acme.example,DE\nnope,DE\nbob@acme.example,Atlantis\nx,y,z\n")

    judged = commands.run("publish", str(leads), "--dry-run", "--json")

    assert judged.code == 1
    assert judged.err == ""
    found = judged.json
    assert (found["source"], found["accepted"], found["published"]) == ("/cli/new%20leads.csv", 1, 0)
    assert [line["line"] for line in found["skipped_lines"]] == [5]
    assert [(line["line"], line["reasons"][0]["field"]) for line in found["rejected_lines"]] == [
        (3, "email"),
        (4, "country"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("publish", "/nowhere/leads.csv"), "/nowhere/leads.csv cannot be read"),
        (("dead-letters", "replay"), "--all"),
        (("dead-letters", "show", "abc"), "'abc' is no id"),
        (("nonsense",), "No such command 'nonsense'"),
    ],
)
def test_wrong_use_ends_with_exit_code_2(
    commands: Commands, arguments: tuple[str, ...], message: str
) -> None:
    wrong = commands.run(*arguments)

    assert wrong.code == 2
    assert message in wrong.err
    assert wrong.out == ""


def test_help_lists_every_command() -> None:
    listed = Commands({}).run("--help")
    version = Commands({}).run("--version")

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
