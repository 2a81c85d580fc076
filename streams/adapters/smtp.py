"""Send e-mails through the mail server, and report for each failure whether the mail was certainly not sent."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from actions.errors import ActionError, PermanentError, TransientError, UncertainError
from actions.ports import Mail
from streams.adapters.addresses import Address, Sender, redacted
from streams.adapters.mime import compose
from streams.adapters.smtp_connection import GOODBYE, AnswerLost, ConnectionLost, Refusal, SmtpConnection
from streams.adapters.smtp_dial import dial
from streams.adapters.smtp_settings import SmtpSettings, Timeouts

__all__ = ["SmtpMailer", "SmtpSettings", "Timeouts"]

_AUTH_CODES = frozenset({530, 534, 535, 538})
_TOO_BIG = 552
_PERMANENT = 500


class SmtpMailer:
    """A `Mailer` with a pool of connections that stay open between mails."""

    dependency = "mail"
    """The dependency for which steps that use it pause, when it fails every time."""
    drops_copies = False
    """Mail servers do not drop the copy of a mail."""

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        sender: str,
        connections: int = 16,
        timeouts: Timeouts | None = None,
        tls_context: ssl.SSLContext | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """Connect later. Raise ValueError unless `sender` is like `Acme <hello@acme.example>`, or an address alone."""
        self.sender = Sender.parse(sender)
        self._settings = settings
        self._timeouts = timeouts or Timeouts()
        self._tls_context = tls_context
        self._clock = clock or (lambda: datetime.now(UTC))
        self._lanes = asyncio.Semaphore(connections)
        self._idle: list[SmtpConnection] = []
        self._is_closed = False

    async def send(self, mail: Mail) -> None:
        """Return when the server has taken the mail; raise errors as the port defines.

        TransientError: SMTP_UNREACHABLE, SMTP_TEMPORARY, SMTP_TLS, and SMTP_AUTH and SMTP_SENDER, which people fix in
        the settings while the mails wait. PermanentError: SMTP_REFUSED, SMTP_ADDRESS, SMTP_HEADER, SMTP_NO_UTF8.
        """
        try:
            to = Address.parse(mail.to)
        except ValueError as error:
            raise PermanentError("SMTP_ADDRESS", str(error)) from None
        try:
            message = compose(mail, self.sender, to, self._clock())
        except ValueError as error:
            raise PermanentError("SMTP_HEADER", str(error)) from None
        async with self._lanes:
            try:
                refusal = await self._deliver(to, message)
            except AnswerLost as error:
                raise UncertainError(
                    f"mail {mail.message_id} was handed over, then {error}; look for it in the server's log"
                ) from None
            except ConnectionLost as error:
                raise TransientError(
                    "SMTP_UNREACHABLE", f"{error}, before the mail was handed over"
                ) from None
        if refusal is not None:
            raise self._verdict(refusal, to)

    async def aclose(self) -> None:
        """Close idle connections with QUIT, and the others once their mails are sent."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.quit(self._timeouts.quit) for connection in idle))

    async def _deliver(self, to: Address, message: bytes) -> Refusal | None:
        connection = self._reusable()
        if connection is not None:
            # A stale connection breaks, or answers MAIL with 421. Nothing was handed over, so a new one may be used.
            with suppress(ConnectionLost):
                refusal = await self._hand_over(connection, to, message)
                if refusal is None or refusal.code != GOODBYE or refusal.command == "message":
                    return refusal
        return await self._hand_over(await self._dial(), to, message)

    async def _hand_over(self, connection: SmtpConnection, to: Address, message: bytes) -> Refusal | None:
        is_utf8 = not (to.is_ascii and self.sender.address.is_ascii)
        try:
            if is_utf8 and "smtputf8" not in connection.extensions:
                raise PermanentError(
                    "SMTP_NO_UTF8", "the mail server takes no addresses beyond ASCII (SMTPUTF8)"
                )
            return await connection.hand_over(
                (
                    f"MAIL FROM:<{self.sender.address.text}>{' SMTPUTF8' if is_utf8 else ''}".encode(),
                    f"RCPT TO:<{to.text}>".encode(),
                ),
                message,
                seconds=self._timeouts.command,
                last_seconds=self._timeouts.taken,
            )
        finally:
            if not connection.is_lost:
                if self._is_closed:
                    connection.abort()
                else:
                    self._idle.append(connection)

    def _reusable(self) -> SmtpConnection | None:
        while self._idle:
            connection = self._idle.pop()  # the last one used is the least likely to be stale
            if not connection.is_lost:
                return connection
        return None

    async def _dial(self) -> SmtpConnection:
        if self._tls_context is None and self._settings.may_use_tls:
            self._tls_context = await asyncio.to_thread(ssl.create_default_context)
        return await dial(self._settings, self._timeouts, self._tls_context)

    def _verdict(self, refusal: Refusal, to: Address) -> ActionError:
        answer = f"{refusal.code} {redacted(refusal.text, to.local)}"
        message = f"{self._settings.server} answered {refusal.command} with {answer}"
        if refusal.code in _AUTH_CODES:
            return TransientError("SMTP_AUTH", f"{message}; check the user and the password in LEADS_SMTP")
        if refusal.code < _PERMANENT:
            return TransientError("SMTP_TEMPORARY", message)
        if refusal.command == "MAIL" and refusal.code != _TOO_BIG:
            return TransientError("SMTP_SENDER", f"{message}; check [welcome] sender in leads.toml")
        return PermanentError("SMTP_REFUSED", message)
