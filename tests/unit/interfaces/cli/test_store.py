"""`leads store backup` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.store.migrate import open_database
from tests.support.commands import Commands


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(
        {
            "LEADS_DATABASE": f"sqlite:///{tmp_path / 'leads.db'}",
            "LEADS_DATA": str(tmp_path / "data"),
        }
    )


def test_a_store_that_is_open_is_copied_once_and_never_over_a_file(
    commands: Commands, tmp_path: Path
) -> None:
    store = open_database(f"sqlite:///{tmp_path / 'leads.db'}")
    copy = tmp_path / "copy.db"

    first = commands.run("store", "backup", str(copy), "--json")
    again = commands.run("store", "backup", str(copy))

    store.close()
    assert first.code == 0, first.err
    assert json.loads(first.out) == {
        "file": str(copy),
        "bytes": copy.stat().st_size,
        "knows_until_us": None,
    }
    assert (again.code, again.err.count("\n")) == (1, 1)
    assert "exists; name a new file" in again.err


def test_a_postgresql_store_is_refused_with_the_next_step(tmp_path: Path) -> None:
    commands = Commands(
        {"LEADS_DATABASE": "postgresql+psycopg://leads@127.0.0.1/leads", "LEADS_DATA": str(tmp_path)}
    )

    refused = commands.run("store", "backup", str(tmp_path / "copy.db"))

    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "pg_dump" in refused.err
