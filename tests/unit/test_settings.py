from __future__ import annotations

from pathlib import Path

import pytest

from streams.errors import SettingsError
from streams.settings import load_config, load_settings


@pytest.mark.parametrize(
    ("kafka", "environment"),
    [
        (None, "development"),
        ("127.0.0.1:9092,localhost:9093", "development"),
        ("ssl://localhost:9093?ca=/etc/ca.pem", "development"),
        ("sasl+ssl://user:p%40ss@127.0.0.1:9093", "development"),
        ("127.0.0.1:9092,kafka.example:9092", "production"),
        ("sasl+ssl://user:password@kafka.example:9093", "production"),
    ],
)
def test_only_with_every_broker_on_this_machine_it_is_development(
    kafka: str | None, environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LEADS_KAFKA", "LEADS_ENV"):
        monkeypatch.delenv(name, raising=False)

    assert load_settings(kafka=kafka).environment == environment


def test_a_setting_of_the_wrong_form_is_named_with_the_form_it_must_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEADS_PREFIX", "with space")

    with pytest.raises(SettingsError, match=r"^LEADS_PREFIX must match '"):
        load_settings()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            '[[recipes]]\nname = "Strip Country"\nversion = 1\nencoding = "utf-16"',
            r"recipes\.0\.name must match",
        ),
        ('[[recipes]]\nname = "x"\nversion = 1', r"recipes\.0 x has neither patch nor encoding"),
        (
            '[[recipes]]\nname = "x"\nversion = 1\nencoding = "klingon"',
            r"recipes\.0 recipe x v1: .*'klingon'",
        ),
        (
            '[[recipes]]\nname = "x"\nversion = 1\npatch = [{ op = "remve", path = "/a" }]',
            r"recipes\.0 recipe x v1: operation 1 is not a JSON Patch operation",
        ),
        (
            '[[recipes]]\nname = "x"\nversion = 1\npatch = [{ op = "add", path = "/a", value = 2026-11-23 }]',
            r"recipes\.0 recipe x v1: operation 1 .*date is not JSON",
        ),
        ('[recipes]\nname = "x"', "recipes should be a list; see leads.sample.toml"),
        ('[[api_keys]]\nname = "x"\nrole = "admin"', r"api_keys\.0\.role should be 'viewer' or 'operator'"),
        (
            '[[api_keys]]\nname = "x"\nrole = "viewer"\nsha256 = "hush hush"\nexpires = 2027-01-01T00:00:00Z',
            r"api_keys\.0\.sha256 must match '\^\[0-9a-f\]\{64\}\$'$",
        ),
        (
            f'[[api_keys]]\nname = "x"\nrole = "viewer"\nsha256 = "{"0" * 64}"\nexpires = 2027-01-01T00:00:00',
            r"api_keys\.0\.expires should have timezone info",
        ),
    ],
)
def test_a_broken_table_of_leads_toml_is_named_and_its_values_are_not_shown(
    table: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "leads.toml"
    file.write_text(f'[[owners]]\nid = "ada"\nname = "Ada"\nemail = "ada@acme.example"\n{table}\n')

    with pytest.raises(SettingsError, match=f"^{file}: {message}") as refused:
        load_config(file)

    assert "hush" not in str(refused.value)
