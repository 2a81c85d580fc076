"""Text written by strangers reaches a terminal as text only."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from streams.engine.indexing import row_of
from streams.store import letters
from streams.store.migrate import open_database
from streams.testing.log import LogRecord
from tests.support.commands import Commands
from tests.support.letters import row

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\nError: forged\r"
ROW = row(1, lead="lead-1", message=EVIL, app_version=EVIL, exception=EVIL, group=EVIL)


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    url = f"sqlite:///{tmp_path / 'leads.db'}"
    store = open_database(url)
    store.transact(lambda connection: letters.index(connection, [replace(ROW, lead_id=EVIL)], 0))
    store.close()
    return Commands({"LEADS_DATABASE": url, "LEADS_DATA": str(tmp_path / "data")})


@pytest.mark.parametrize("command", [("list",), ("groups",), ("show", ROW.letter.id)])
def test_a_letter_does_nothing_to_the_terminal_that_shows_it(
    commands: Commands, command: tuple[str, ...]
) -> None:
    shown = commands.run("dead-letters", *command)
    as_json = commands.run("dead-letters", *command, "--json")

    assert (shown.code, as_json.code) == (0, 0)
    assert not set(shown.out + shown.err + as_json.out) & {
        *map(chr, range(9)),
        *map(chr, range(11, 32)),
        "\x9b",
    }
    assert not [line for line in shown.out.splitlines() if line.startswith("Error")]
    assert all(json.dumps(document) for document in as_json.lines)


@pytest.mark.parametrize(
    ("headers", "value"),
    [([("ce_type", b"crm.x"), ("ce_subject", b"lead/\x1b[2J")], b"{}"), ([], b'{"lead_id": "\\u001b[2J"}')],
)
def test_what_is_no_id_of_a_lead_is_not_indexed_as_one(
    headers: list[tuple[str, bytes | None]], value: bytes
) -> None:
    record = LogRecord("t", 0, 0, 0, None, value, [*headers, *row(1).letter.headers()])

    found = row_of(record)

    assert found is not None
    assert found.lead_id is None
