"""`leads publish`: the leads of a file are checked before any is published."""

from __future__ import annotations

from pathlib import Path

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
    assert [(line["line"], line["reasons"][0]["field"]) for line in found["rejected_lines"]] == [
        (3, "email"),
    ]


def test_an_unreadable_time_is_refused_before_a_lead_is_read(leads: Leads, tmp_path: Path) -> None:
    file = tmp_path / "leads.jsonl"
    file.write_text('{"email":"ada@acme.example"}\n')

    refused = leads.run("publish", str(file), "--time", "yesterday", "--dry-run")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("Error: --time: ")
