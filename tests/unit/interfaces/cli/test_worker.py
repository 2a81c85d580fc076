"""A worker with broken settings refuses to start: exit code 2, one sentence that names the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import ROSTER
from tests.support.in_process import Leads


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (ROSTER + "[welcom]\n", "welcom"),
        ("[leads]\n", "[[owners]]"),
    ],
)
def test_a_broken_leads_toml_is_reported_with_its_place(
    leads: Leads, tmp_path: Path, config: str, named: str
) -> None:
    (tmp_path / "leads.toml").write_text(config)

    refused = leads.run("worker")

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
def test_a_wrong_variable_is_reported_by_its_name(leads: Leads, setting: str, text: str, named: str) -> None:
    leads.monkeypatch.setenv(f"LEADS_{setting.upper()}", text)
    if setting == "env":
        leads.monkeypatch.delenv("LEADS_SECRET")

    refused = leads.run("worker")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("Error: ")
    assert named in refused.err
    assert refused.err.count("\n") == 1


def test_production_demands_tls_to_another_machine(leads: Leads) -> None:
    leads.monkeypatch.setenv("LEADS_ENV", "production")
    leads.monkeypatch.setenv("LEADS_KAFKA", "kafka.acme.example:9092")

    refused = leads.run("worker")

    assert refused.code == 2
    assert "kafka.acme.example:9092 is plain text and production demands TLS" in refused.err
