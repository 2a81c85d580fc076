"""`leads dead-letters` changes letters: what is typed becomes one audited command."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.support.commands import ROSTER
from tests.support.in_process import Leads
from tests.support.letters import lettered, row

RECIPE = """
[[recipes]]
name = "strip-country"
version = 1
patch = [{ op = "remove", path = "/country" }]
"""


def test_letters_that_cannot_change_are_named_with_the_reason_and_end_in_exit_code_1(leads: Leads) -> None:
    parked, resolved = leads.index(row(1), row(2, status="resolved"))

    discarded = leads.run("dead-letters", "discard", parked, resolved, "--reason", "spam", "--json")

    assert discarded.code == 1
    assert discarded.json == {
        "changed": [parked],
        "skipped": [{"id": resolved, "reason": "it is resolved, not scheduled or parked"}],
    }
    assert [(entry["act"], entry["about"], entry["reason"]) for entry in leads.audit] == [
        ("discard", parked, "spam")
    ]


def test_a_selection_that_matches_nothing_is_no_error(leads: Leads) -> None:
    nothing = leads.run("dead-letters", "discard", "--code", "NOT_JSON", "--reason", "x")

    assert (nothing.code, nothing.out) == (0, "")
    assert "nothing to do" in nothing.err


def test_fields_of_a_record_are_set_and_removed_and_the_first_value_comes_back(leads: Leads) -> None:
    (letter_id,) = leads.index(lettered(1))

    edited = leads.run(
        "dead-letters", "edit", letter_id, "--set", "email=eve@b.example", "--unset", "country",
        "--reason", "typo", "--json",
    )  # fmt: skip
    value = leads.letter(letter_id).value
    undone = leads.run("dead-letters", "edit", letter_id, "--original", "--reason", "it was right", "--json")

    assert (edited.code, edited.json["changed"]) == (0, [letter_id])
    assert value == b'{"email":"eve@b.example"}'
    assert (undone.code, leads.letter(letter_id).value) == (0, lettered(1).value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "or --original alone"),
        (("--original", "--unset", "country"), "or --original alone"),
        (("--value", "FILE", "--encoding", "latin-1"), "use --value alone"),
        (("--patch", "FILE"), "is not a JSON array of operations"),
    ],
)
def test_an_edit_that_is_unclear_changes_nothing(
    leads: Leads, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    (letter_id,) = leads.index(lettered(1))
    file = tmp_path / "patch.json"
    file.write_text('{"op": "remove", "path": "/country"}')
    typed = [str(file) if option == "FILE" else option for option in options]

    refused = leads.run("dead-letters", "edit", letter_id, *typed, "--reason", "x")

    assert (refused.code, refused.out, leads.audit) == (2, "", [])
    assert message in refused.err
    assert leads.letter(letter_id).value == lettered(1).value


def test_a_recipe_repairs_letters_and_an_unknown_one_is_refused_with_the_names_of_all(leads: Leads) -> None:
    (letter_id,) = leads.index(lettered(1))
    leads.config.write_text(ROSTER + RECIPE)

    unknown = leads.run("dead-letters", "repair", "--all", "--recipe", "strip", "--reason", "x")
    repaired = leads.run("dead-letters", "repair", "--all", "--recipe", "strip-country", "--reason", "x")

    assert (unknown.code, unknown.out) == (2, "")
    assert "no recipe 'strip'; it has strip-country" in unknown.err
    assert (repaired.code, repaired.out) == (0, "1 letter edited by recipe strip-country v1.\n")
    assert b"country" not in (leads.letter(letter_id).value or b"")


def test_a_letter_is_scheduled_for_the_moment_that_was_named(leads: Leads) -> None:
    (letter_id,) = leads.index(row(1))

    scheduled = leads.run("dead-letters", "schedule", letter_id, "--at", "2099-01-01", "--reason", "later")

    assert (scheduled.code, scheduled.out) == (0, "1 letter scheduled for 2099-01-01 00:00:00Z.\n")
    assert leads.letter(letter_id).due_at == 4_070_908_800_000_000


def test_an_exported_letter_is_readable_by_its_owner_alone_and_can_be_imported(
    leads: Leads, tmp_path: Path
) -> None:
    (letter_id,) = leads.index(lettered(1))
    file = tmp_path / "letters.ndjson"

    exported = leads.run("dead-letters", "export", "--all", "--out", str(file), "--reason", "support")
    mode = stat.S_IMODE(file.stat().st_mode)
    imported = leads.run("dead-letters", "import", str(file), "--reason", "back again")

    assert (exported.code, mode) == (0, 0o600)
    assert sorted(path.name for path in tmp_path.glob("letters*")) == [file.name]
    assert (imported.code, imported.err) == (0, "1 letter imported.\n")
    assert [(entry["act"], entry["about"]) for entry in leads.audit] == [
        ("export", letter_id),
        ("import", letter_id),
    ]
    assert [record.value for record in leads.cluster.letters] == [lettered(1).value]


def test_nothing_is_imported_from_a_file_with_a_line_that_cannot_be_read(
    leads: Leads, tmp_path: Path
) -> None:
    leads.index(lettered(1))
    file = tmp_path / "letters.ndjson"
    leads.run("dead-letters", "export", "--all", "--out", str(file), "--reason", "support")
    with file.open("ab") as lines:
        lines.write(b"half a line")

    refused = leads.run("dead-letters", "import", str(file), "--reason", "back again")

    assert (refused.code, leads.cluster.letters) == (2, [])
    assert "nothing was imported" in refused.err
