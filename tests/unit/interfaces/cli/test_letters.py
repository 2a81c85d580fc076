"""`leads dead-letters list`, `groups` and `stats` as a person or a script calls them."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.dead_letters.letter_commands import SIMPLE_COMMANDS
from streams.interfaces.cli.letter_commands import SIMPLE_TEXTS
from streams.interfaces.cli.letter_jobs import free_letters
from streams.store import letter_changes, letters
from streams.store.migrate import open_database
from tests.support.commands import Commands
from tests.support.letters import ROWS, row


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    url = f"sqlite:///{tmp_path / 'leads.db'}"
    store = open_database(url)
    store.transact(lambda connection: letters.index(connection, ROWS, 0))
    store.close()
    return Commands({"LEADS_DATABASE": url, "LEADS_DATA": str(tmp_path / "data")})


def test_a_group_is_found_and_its_letters_are_listed(commands: Commands) -> None:
    found = commands.run("dead-letters", "groups", "--code", "smtp_refused", "--json")
    (group,) = found.lines
    listed = commands.run("dead-letters", "list", "--group", group["fingerprint"], "--json")

    assert (group["count"], group["action"]) == (2, "send-welcome-email")
    assert [each["lead_id"] for each in listed.lines] == ["lead-3", "lead-4"]


def test_counts_are_one_document_and_cover_every_status(commands: Commands) -> None:
    printed = commands.run("dead-letters", "stats", "--json").json

    assert printed["status"] == {"parked": 3, "resolved": 1, "scheduled": 1}
    assert printed["headroom_seconds"] is not None


def test_the_number_of_letters_beyond_the_limit_is_shown(commands: Commands) -> None:
    listed = commands.run("dead-letters", "list", "--limit", "3")

    assert listed.code == 0
    assert "1 more letter; --limit 4 lists all." in listed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--class", "posion"), "did you mean poison?"),
        (("--since", "yesterday"), "write 2026-11-23T20:15:00Z"),
        (("--lead", "\udcff"), r"'\udcff' is not UTF-8"),
    ],
)
def test_a_slip_in_a_selector_is_one_sentence(
    commands: Commands, arguments: tuple[str, ...], message: str
) -> None:
    refused = commands.run("dead-letters", "list", *arguments)

    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert message in refused.err


def test_a_replay_leaves_out_what_a_job_has_and_what_nobody_knows_of_unless_it_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_database(f"sqlite:///{tmp_path / 'leads.db'}")
    rows = [row(1), row(2), row(3, failure_class="uncertain")]
    free, held, uncertain = (each.letter.id for each in rows)
    store.transact(lambda connection: letters.index(connection, rows, 0))
    store.transact(lambda connection: letter_changes.claim(connection, [held], "job-1"))

    selected = free_letters(store, [free, held, uncertain], is_named=False)
    named = free_letters(store, [free, held, uncertain], is_named=True)

    store.close()
    assert (selected, named) == ([free], [free, uncertain])
    printed = capsys.readouterr().err
    assert "1 letter left out: a replay job has them in hand" in printed
    assert "1 letter left out: a worker was cut off while calling" in printed


def test_every_command_that_needs_only_a_reason_exists_and_has_help(
    commands: Commands,
) -> None:
    assert SIMPLE_TEXTS.keys() == SIMPLE_COMMANDS.keys()
    for name, text in SIMPLE_TEXTS.items():
        helped = commands.run("dead-letters", name, "--help")

        assert helped.code == 0
        assert text.help[:40] in helped.out
