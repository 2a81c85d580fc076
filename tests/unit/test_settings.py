from __future__ import annotations

import pytest

from streams.settings import SettingsError, load_settings


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
