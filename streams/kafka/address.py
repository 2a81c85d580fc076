"""Read LEADS_KAFKA: addresses of the brokers, and how to connect."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from streams.errors import SettingsError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
_SCHEMES = {"": "PLAINTEXT", "ssl": "SSL", "sasl+ssl": "SASL_SSL"}
_EXAMPLE = "write host:9092, ssl://host:9093?ca=FILE or sasl+ssl://user:password@host:9093?mechanism=SCRAM-SHA-512&ca=FILE"


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """Brokers and credentials; its repr has no password."""

    servers: tuple[str, ...]
    protocol: str = "PLAINTEXT"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    mechanism: str = "SCRAM-SHA-512"
    ca_file: str | None = None

    @property
    def bootstrap(self) -> str:
        """Return `host:port,host:port`."""
        return ",".join(self.servers)

    @property
    def is_loopback(self) -> bool:
        """Whether every broker is on this machine."""
        return all(server.rpartition(":")[0] in LOOPBACK for server in self.servers)

    def __repr__(self) -> str:
        """Show brokers and protocol."""
        return f"KafkaAddress({self.bootstrap}, {self.protocol})"

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context; None for plain text."""
        if self.protocol == "PLAINTEXT":
            return None
        return ssl.create_default_context(cafile=self.ca_file)

    def client_options(self) -> dict[str, Any]:
        """Return the keyword arguments of every aiokafka client."""
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.servers),
            "security_protocol": self.protocol,
        }
        if self.protocol != "PLAINTEXT":
            options["ssl_context"] = self.ssl_context()
        if self.protocol == "SASL_SSL":
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return options


def parse_kafka(text: str) -> KafkaAddress:
    """Read LEADS_KAFKA. Raise `SettingsError` that names the mistake, never a password."""
    scheme, separator, rest = text.strip().rpartition("://")
    if scheme not in _SCHEMES:
        msg = f"LEADS_KAFKA: {scheme}:// is not known; {_EXAMPLE}"
        raise SettingsError(msg)
    parts = urlsplit(f"//{rest}")
    credentials, _, hosts = parts.netloc.rpartition("@")
    servers = tuple(server.strip() for server in hosts.split(",") if server.strip())
    for server in servers:
        host, _, port = server.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 1 << 16:
            msg = f"LEADS_KAFKA: {server!r} is not host:port; {_EXAMPLE}"
            raise SettingsError(msg)
    if not servers or (separator and not scheme):
        msg = f"LEADS_KAFKA names no broker; {_EXAMPLE}"
        raise SettingsError(msg)
    user, _, password = credentials.partition(":")
    if (scheme == "sasl+ssl") != bool(user and password):
        msg = f"LEADS_KAFKA: user and password go with sasl+ssl:// and only with it; {_EXAMPLE}"
        raise SettingsError(msg)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := query.keys() - {"mechanism", "ca"}:
        msg = f"LEADS_KAFKA: option {min(unknown)!r} is not known; {_EXAMPLE}"
        raise SettingsError(msg)
    return KafkaAddress(
        servers,
        _SCHEMES[scheme],
        unquote(user) or None,
        unquote(password) or None,
        query.get("mechanism", "SCRAM-SHA-512"),
        query.get("ca"),
    )
