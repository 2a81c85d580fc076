"""Reading the health address as people write it."""

from __future__ import annotations

import pytest

from streams.errors import SettingsError
from streams.operations.health.address import HealthAddress, read_health
from streams.settings import load_settings


@pytest.mark.parametrize(
    ("text", "address", "url"),
    [
        ("8080", HealthAddress("127.0.0.1", 8080), "http://127.0.0.1:8080"),
        ("0.0.0.0:0", HealthAddress("0.0.0.0", 0), "http://0.0.0.0:0"),
        ("[::1]:8080", HealthAddress("::1", 8080), "http://[::1]:8080"),
    ],
)
def test_an_address_is_a_port_or_a_host_and_a_port(text: str, address: HealthAddress, url: str) -> None:
    assert (read_health(text), address.url) == (address, url)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("health", "here", "LEADS_HEALTH is 'here', which is neither a port nor host:port; write 8080"),
        ("health", "127.0.0.1:70000", "LEADS_HEALTH is '127.0.0.1:70000', which is neither a port"),
        ("watchdog", "10ms", "LEADS_WATCHDOG must be at least 1s, or 0s for no watchdog"),
        ("watchdog", "soon", "LEADS_WATCHDOG must be a duration"),
    ],
)
def test_a_setting_that_cannot_be_used_is_reported(variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(**{variable: value})

    assert str(raised.value).startswith(message)
