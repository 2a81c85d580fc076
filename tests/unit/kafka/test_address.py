"""Test reading brokers and credentials from LEADS_KAFKA."""

from __future__ import annotations

import pytest

from streams.errors import SettingsError
from streams.kafka.address import KafkaAddress, parse_kafka


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9092", KafkaAddress(("127.0.0.1:9092",))),
        (" a:1 , b:2 ,", KafkaAddress(("a:1", "b:2"))),
        ("ssl://a:9093?ca=/ca.pem", KafkaAddress(("a:9093",), "SSL", ca_file="/ca.pem")),
        (
            "sasl+ssl://me:p%40ss@a:9093?mechanism=PLAIN",
            KafkaAddress(("a:9093",), "SASL_SSL", "me", "p@ss", "PLAIN"),
        ),
    ],
)
def test_brokers_are_read_with_their_credentials(text: str, address: KafkaAddress) -> None:
    assert parse_kafka(text) == address


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http://a:1", "http:// is not known"),
        ("", "names no broker"),
        ("ssl://", "names no broker"),
        ("a", "'a' is not host:port"),
        ("a:99999", "'a:99999' is not host:port"),
        ("me:secret@a:1", "user and password go with sasl"),
        ("sasl+ssl://a:1", "user and password go with sasl"),
        ("ssl://a:1?colour=red", "option 'colour' is not known"),
    ],
)
def test_what_cannot_be_used_is_explained_without_a_password(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        parse_kafka(text)

    assert "secret" not in str(caught.value)


def test_a_password_is_given_to_clients_and_never_printed() -> None:
    address = parse_kafka("sasl+ssl://me:secret@a:9093")
    options = address.client_options()

    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("me", "secret")
    assert "secret" not in repr(address)


def test_brokers_on_this_machine_are_known() -> None:
    assert parse_kafka("127.0.0.1:1,localhost:2,[::1]:3").is_loopback
    assert not parse_kafka("127.0.0.1:1,kafka:2").is_loopback
