"""Define the address and the time limits of the mail server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_STARTTLS = ("required", "optional", "never")
_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """The address of the mail server, and how to log in (LEADS_SMTP)."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    is_tls: bool = False
    """TLS from the first byte (`smtps:`)."""
    starttls: Literal["required", "optional", "never"] = "optional"
    """Whether `smtp:` must, may or must not change to TLS. Certificates are always checked."""

    @property
    def may_use_tls(self) -> bool:
        """Whether a connection may be encrypted."""
        return self.is_tls or self.starttls != "never"

    @property
    def server(self) -> str:
        """Return the server's name in error messages."""
        return f"the mail server {self.host}:{self.port}"

    @classmethod
    def parse(cls, url: str) -> SmtpSettings:
        """Read `smtp://user:password@host:port?starttls=required` or `smtps://…`.

        A password is sent to another machine only over TLS, unless the URL has `starttls=optional` or `never`.
        Raise ValueError, one sentence that never repeats the URL, because it may contain a password.
        """
        example = "write it like smtp://user:password@mail.example:587?starttls=required"
        try:
            parts = urlsplit(url)
            port = parts.port
            options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        except ValueError:
            raise ValueError(f"the mail server's URL cannot be read; {example}") from None
        if parts.scheme not in _PORTS:
            raise ValueError(f"the mail server's URL must begin with smtp:// or smtps://; {example}")
        if not parts.hostname or parts.path not in ("", "/") or parts.fragment:
            raise ValueError(
                f"the mail server's URL names no host, or more than a host and a port; {example}"
            )
        if (parts.username is None) != (parts.password is None):
            raise ValueError(f"the mail server's URL has a user or a password but not both; {example}")
        is_tls = parts.scheme == "smtps"
        is_risky = parts.username is not None and parts.hostname not in _LOOPBACK
        starttls = options.pop("starttls", "required" if is_risky and not is_tls else "optional")
        if starttls not in _STARTTLS or options:
            raise ValueError(
                "the mail server's URL may end in ?starttls=required, optional or never, nothing else"
            )
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            is_tls=is_tls,
            starttls=starttls,  # type: ignore[arg-type]  # one of the keys of _STARTTLS, see above
        )


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long the mail server may take, in seconds."""

    connect: float = 5.0
    command: float = 15.0
    taken: float = 30.0
    """For the final answer after the mail."""
    quit: float = 1.0
