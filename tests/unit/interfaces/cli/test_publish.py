"""`leads publish`: the leads of a file are checked before any is published."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.in_process import Leads


def test_a_dry_run_judges_every_lead_and_needs_no_broker(leads: Leads, tmp_path: Path) -> None:
    file = tmp_path / "new leads.csv"
    file.write_text("email,country\nada@acme.example,DE\nnope,DE\nbob@acme.example,Atlantis\nx,y,z\n")

    judged = leads.run("publish", str(file), "--dry-run", "--json")

    assert judged.code == 1
    assert judged.err == ""
    found = judged.json
    assert (found["source"], found["accepted"], found["published"]) == ("/cli/new%20leads.csv", 2, 0)
    assert [line["line"] for line in found["skipped_lines"]] == [5]
    assert [(line["line"], line["reasons"][0]["field"]) for line in found["rejected_lines"]] == [(3, "email")]
    sums = [(each["what"], each["field"], each["count"], each["first_lines"]) for each in found["sums"]]
    assert sums == [("skipped", None, 1, [5]), ("rejected", "email", 1, [3]), ("noted", "country", 1, [4])]
    assert (found["file"]["encoding"], found["file"]["separator"]) == ("UTF-8", "comma")


def test_what_each_column_is_taken_for_is_printed_and_equal_cases_are_one_line(
    leads: Leads, tmp_path: Path
) -> None:
    file = tmp_path / "export.csv"
    rows = "".join(f"p{number}@acme.example;Ada;Atlantis;false;2024-01-01;x\n" for number in range(980))
    file.write_text(f"E-Mail-Adresse;Vorname;Land;Email Opt Out;Create Date;Shoe\x1b size\n{rows}")

    judged = leads.run("publish", str(file), "--dry-run")

    assert (judged.code, judged.out) == (
        0,
        "980 leads would be accepted, 0 rejected, 0 lines skipped. Nothing was published.\n",
    )
    lines = judged.err.splitlines()
    assert lines[0] == "CSV, UTF-8, separator semicolon, header in line 1:"
    assert "  E-Mail-Adresse -> email  (German)" in lines
    assert "  Email Opt Out -> opt-out" in lines
    assert "  kept as attributes: Create Date, Shoe\\u001b size" in lines
    assert [line for line in lines if line.startswith("980 noted: country: ")] != []
    assert "(line 2, 3, 4, 5, 6, …)" in judged.err
    assert '--time-column "Create Date"' in judged.err
    assert lines[-1].startswith(
        "Publish them with the same command without --dry-run, then see one with: leads show "
    )
    assert "acme.example" not in judged.err


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("email,name\na@b.c,Zoë\n".encode("cp1252"), (), "--encoding windows-1252"),
        (b"PK\x03\x04 xl/", (), "an Excel workbook"),
        (b"Contact,Phone\na@acme.example,1\n", (), 'column 1 "Contact" looks like it'),
        (b"email\na@b.c\n", ("--time-column", "Created"), "--time-column"),
        (b"email\na@b.c\n", ("--delimiter", "abc"), "--delimiter"),
        (b"email\na@b.c\n", ("--follow", "--format", "csv"), "--follow"),
    ],
)
def test_a_file_that_cannot_be_read_as_leads_is_refused_in_one_sentence(
    leads: Leads, tmp_path: Path, content: bytes, options: tuple[str, ...], message: str
) -> None:
    file = tmp_path / "leads.csv"
    file.write_bytes(content)

    refused = leads.run("publish", str(file), *options)

    assert (refused.code, refused.out) == (2, "")
    assert message in refused.err
    assert refused.err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("", 0, ""),
        ("email,name\n\n", 1, "has no lead: no row follows its header"),
        ("\n \n", 1, "has no lead: it is blank"),
    ],
)
def test_k5_a_file_with_bytes_and_no_lead_is_not_done(
    leads: Leads, tmp_path: Path, content: str, code: int, message: str
) -> None:
    file = tmp_path / "leads.csv"
    file.write_text(content)

    judged = leads.run("publish", str(file), "--dry-run")

    assert judged.code == code
    assert message in judged.err


def test_a_file_in_another_encoding_is_read_when_it_is_named(leads: Leads, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_bytes("email;Vorname\nada@acme.example;Zoë\n".encode("cp1252"))

    judged = leads.run("publish", str(file), "--dry-run", "--json", "--encoding", "windows-1252")

    assert (judged.code, judged.json["accepted"], judged.json["file"]["encoding"]) == (0, 1, "windows-1252")


def test_an_unreadable_time_is_refused_before_a_lead_is_read(leads: Leads, tmp_path: Path) -> None:
    file = tmp_path / "leads.jsonl"
    file.write_text('{"email":"ada@acme.example"}\n')

    refused = leads.run("publish", str(file), "--time", "yesterday", "--dry-run")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("Error: --time: ")
