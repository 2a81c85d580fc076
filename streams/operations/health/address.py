"""Reads the address on which a worker serves its health: `8080`, `127.0.0.1:8080`, `0.0.0.0:8080`, `[::1]:8080`."""

from __future__ import annotations

import re
from typing import NamedTuple

THIS_MACHINE = "127.0.0.1"
_TEXT = re.compile(r"(?:(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):)?(?P<port>[0-9]{1,5})", re.ASCII)
_LAST_PORT = 65535


class HealthAddress(NamedTuple):
    """Address the server listens on; port 0 takes any free port."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Return the base URL of the server."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def read_health(value: object) -> HealthAddress | None:
    """Read LEADS_HEALTH; without a host the server listens on loopback only. Raise ValueError."""
    if value is None or isinstance(value, HealthAddress):
        return value
    match = _TEXT.fullmatch(str(value).strip())
    if match is None or int(match["port"]) > _LAST_PORT:
        raise ValueError(f"is {value!r}, which is neither a port nor host:port; write 8080, or 0.0.0.0:8080")
    host = (match["host"] or THIS_MACHINE).strip("[]")
    return HealthAddress(host, int(match["port"]))
