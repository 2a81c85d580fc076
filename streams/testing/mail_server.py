"""A mail server that records every mail and delivers none: for the demo, the tests and the benchmarks.

`python -m streams.testing.mail_server --file mails.jsonl` runs it as a process; `MailServer` runs it in a thread.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, LoginPassword, Session, syntax

from streams.operations.health.background import Background
from streams.testing.journal import Journal

_ADDRESS = re.compile(r"\s*<([^<>\s]*)>\s*(.*)\Z", re.DOTALL)
_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_SUBJECT = re.compile(rb"^subject:[ \t]*([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """One mail as it arrived."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


@dataclass(slots=True)
class MailBehaviour:
    """How the server answers; may be changed at any time."""

    refuse: dict[str, str] = field(default_factory=dict)
    """Answer by command, e.g. `451 4.3.0 later`: `MAIL`, `RCPT`, `DATA`, or `message` for the one after the mail."""
    delay: float = 0.0
    """Seconds between a mail and the answer to it."""
    hang_up: Literal["never", "MAIL", "DATA", "message"] = "never"
    """Where the server breaks the connection instead of answering. After `message` it has recorded the mail."""


class _Session(SMTP):
    """aiosmtpd's session with two slow parts replaced: one pattern reads an address, one read takes a whole mail."""

    line_length_limit = 32 * 1024 * 1024  # the reader's limit, which is how much readuntil() takes at once

    def __init__(self, server: MailServer, **options: Any) -> None:  # noqa: ANN401 - as aiosmtpd has them
        super().__init__(server, **options)
        self._mail_server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._mail_server.connections.add(transport)  # type: ignore[arg-type]  # a socket's or TLS's: both can abort()

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport is not None:
            self._mail_server.connections.discard(self.transport)
        super().connection_lost(error)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        found = _ADDRESS.match(arg)
        return (found[1], found[2]) if found else super()._getaddr(arg)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd finds it by this name
        envelope = self.envelope
        if arg or envelope is None or not envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command" if not arg else "501 Syntax: DATA")
            return
        refusal = await self._mail_server.refusal("DATA", self)
        if refusal is not None:
            await self.push(refusal)
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        content = b""
        while content != b".\r\n" and not content.endswith(b"\r\n.\r\n"):
            content += await self._reader.readuntil(b".\r\n")
        envelope.content = (b"\r\n" + content[:-3]).replace(b"\r\n..", b"\r\n.")[2:]
        await self.push(await self._mail_server.take(envelope, self))
        self.envelope = self._create_envelope()


class MailServer(Background):
    """A mail server on 127.0.0.1 that records mails and delivers none; `with` or `async with` starts and stops it."""

    def __init__(  # noqa: PLR0913 - each is one thing a mail server may be like
        self,
        file: Path | None = None,
        *,
        port: int = 0,
        is_durable: bool = True,
        is_keeping: bool = False,
        login: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        is_utf8: bool = True,
        is_pipelining: bool = True,
    ) -> None:
        """`file` gets each mail as a JSON line before the answer; `is_keeping` also collects the mails in `mails`."""
        super().__init__(port)
        self.behaviour = MailBehaviour()
        self.mails: list[ReceivedMail] = []
        self.connections: set[asyncio.Transport] = set()
        self.greeted = 0
        """Number of connections so far."""
        self._path = file
        self._is_durable = is_durable
        self._is_keeping = is_keeping
        self._login = login
        self._tls = tls
        self._is_pipelining = is_pipelining
        self._options: dict[str, Any] = {
            "hostname": "mail-server.invalid",
            "enable_SMTPUTF8": is_utf8,
            "tls_context": starttls,
            "auth_require_tls": False,
            "authenticator": self._authenticated,
        }
        if login is None:
            self._options["auth_exclude_mechanism"] = ("LOGIN", "PLAIN")
        self._journal = Journal(None)
        self._server: asyncio.Server | None = None

    def hang_up(self) -> None:
        """Break every open connection and keep serving."""
        assert self._loop is not None  # noqa: S101 - only while it runs
        self._loop.call_soon_threadsafe(self._abort_all)

    # --------------------------------------------------------------------------------------------- Background

    async def opened(self, listener: socket.socket) -> None:
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # its lines hold addresses
        self._journal = Journal(self._path, is_durable=self._is_durable)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Session(self, loop=loop, **self._options), sock=listener, ssl=self._tls
        )

    async def closed(self) -> None:
        assert self._server is not None  # noqa: S101 - opened() came before
        self._server.close()
        self._abort_all()
        await self._server.wait_closed()
        await self._journal.aclose()

    def _abort_all(self) -> None:
        for transport in tuple(self.connections):
            transport.abort()

    # --------------------------------------------------------------------------------------- aiosmtpd's hooks

    async def handle_EHLO(  # noqa: N802 - aiosmtpd finds it by this name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.greeted += 1
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]] if self._is_pipelining else responses

    async def handle_MAIL(self, server: SMTP, *_: object) -> Any:  # noqa: ANN401, N802 - a reply, or aiosmtpd's MISSING
        return await self.refusal("MAIL", server) or MISSING

    async def handle_RCPT(self, server: SMTP, *_: object) -> Any:  # noqa: ANN401, N802 - as above
        return await self.refusal("RCPT", server) or MISSING

    async def refusal(self, stage: str, server: SMTP) -> str | None:
        """Return the answer that `behaviour` has for this stage; None lets the session continue."""
        if self.behaviour.hang_up == stage and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
            # Nobody is left to answer: wait until aiosmtpd cancels this.
            await asyncio.get_running_loop().create_future()
        return self.behaviour.refuse.get(stage)

    async def take(self, envelope: Envelope, server: SMTP) -> str:
        """Record a mail and return the answer to it."""
        if self.behaviour.delay:
            await asyncio.sleep(self.behaviour.delay)
        refused = self.behaviour.refuse.get("message")
        if refused is not None:
            return refused
        content = envelope.content
        assert isinstance(content, bytes)  # noqa: S101 - smtp_DATA sets it
        await self._journal.write(_record(envelope, content))
        if self._is_keeping:
            self.mails.append(ReceivedMail(envelope.mail_from or "", tuple(envelope.rcpt_tos), content))
        return await self.refusal("message", server) or "250 2.0.0 OK"

    def _authenticated(self, *given: Any) -> AuthResult:  # noqa: ANN401 - aiosmtpd passes five things, the login last
        login: LoginPassword = given[-1]
        is_right = self._login == (login.login.decode(), login.password.decode())
        return AuthResult(success=is_right, handled=False)  # not handled: aiosmtpd answers 535


def _record(envelope: Envelope, content: bytes) -> dict[str, Any]:
    head = content.partition(b"\r\n\r\n")[0]
    message_id = _MESSAGE_ID.search(head)
    subject = _SUBJECT.search(head)
    return {
        "time": datetime.now(UTC).isoformat(),
        "from": envelope.mail_from,
        "to": envelope.rcpt_tos,
        "message_id": message_id[1].decode("utf-8", "replace") if message_id else None,
        "subject": _text(subject[1]) if subject else None,
        "size": len(content),
    }


def _text(header: bytes) -> str:
    text = header.replace(b"\r\n", b"").decode("utf-8", "replace")
    return str(make_header(decode_header(text))) if "=?" in text else text


def main() -> None:
    """Run the server as a process."""
    parser = argparse.ArgumentParser(
        prog="python -m streams.testing.mail_server", description=MailServer.__doc__
    )
    parser.add_argument(
        "--port", type=int, default=0, help="0 takes a free one; the port is printed as JSON on stdout"
    )
    parser.add_argument("--file", type=Path, help="gets one JSON line per mail")
    parser.add_argument("--fail", type=int, metavar="CODE", help="answer every mail with this code, e.g. 451")
    parser.add_argument(
        "--delay", type=float, default=0.0, metavar="SECONDS", help="before each answer to a mail"
    )
    parser.add_argument("--no-fsync", action="store_true", help="for benchmarks: a power cut may lose mails")
    given = parser.parse_args()
    server = MailServer(given.file, port=given.port, is_durable=not given.no_fsync)
    server.behaviour.delay = given.delay
    if given.fail is not None:
        server.behaviour.refuse["message"] = f"{given.fail} refused because of --fail"
    server.run()


if __name__ == "__main__":
    main()
