"""`leads store backup` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.in_process import Leads


def test_a_store_that_is_open_is_copied_once_and_never_over_a_file(leads: Leads, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"

    first = leads.run("store", "backup", str(copy), "--json")
    again = leads.run("store", "backup", str(copy))

    assert first.code == 0, first.err
    assert json.loads(first.out) == {
        "file": str(copy),
        "bytes": copy.stat().st_size,
        "knows_until_us": None,
    }
    assert (again.code, again.err.count("\n")) == (1, 1)
    assert "exists; name a new file" in again.err


def test_a_postgresql_store_is_refused_with_the_next_step(leads: Leads, tmp_path: Path) -> None:
    leads.monkeypatch.setenv("LEADS_DATABASE", "postgresql+psycopg://leads@127.0.0.1/leads")

    refused = leads.run("store", "backup", str(tmp_path / "copy.db"))

    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "pg_dump" in refused.err
