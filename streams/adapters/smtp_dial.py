"""Open connections to the mail server, with greeting, TLS and login by `aiosmtplib`."""

from __future__ import annotations

import asyncio
import socket
import ssl

import aiosmtplib

from actions.errors import TransientError
from streams.adapters.addresses import redacted
from streams.adapters.smtp_connection import SmtpConnection
from streams.adapters.smtp_settings import SmtpSettings, Timeouts

_PERMANENT = 500
_START_TLS: dict[str, bool | None] = {"required": True, "optional": None, "never": False}


async def dial(
    settings: SmtpSettings, timeouts: Timeouts, tls_context: ssl.SSLContext | None
) -> SmtpConnection:
    """Connect. `tls_context` is required when the settings may use TLS.

    Raise TransientError for every failure: SMTP_UNREACHABLE, SMTP_TEMPORARY, SMTP_TLS, SMTP_AUTH. Even a wrong
    password is transient: once it is corrected, the mails are sent.
    """
    name = socket.gethostname()
    client = aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        username=settings.username,
        password=settings.password,
        # getfqdn() may wait for a name server. RFC 5321, 4.1.3 has the literal for hosts without a name.
        local_hostname=name if "." in name and name.isascii() else "[127.0.0.1]",
        timeout=timeouts.command,
        use_tls=settings.is_tls,
        start_tls=False if settings.is_tls else _START_TLS[settings.starttls],
        tls_context=tls_context,
    )
    try:
        await client.connect(timeout=timeouts.connect)
        if client.is_ehlo_or_helo_needed:
            try:
                await client.ehlo()
            except aiosmtplib.SMTPHeloError:
                await client.helo()
    except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:
        client.close()
        raise _unreachable(settings, error) from None
    except asyncio.CancelledError:
        client.close()
        raise
    if not isinstance(client.transport, asyncio.Transport):
        raise TransientError(
            "SMTP_UNREACHABLE", f"{settings.server} closed the connection after its greeting"
        )
    return SmtpConnection(client.transport, client.esmtp_extensions)


def _unreachable(settings: SmtpSettings, error: Exception) -> TransientError:  # noqa: PLR0911 - one per cause
    server = settings.server
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, ssl.SSLError):
        reason = getattr(cause, "verify_message", None) or cause.reason or "the handshake failed"
        hint = "" if settings.is_tls else "; to go without TLS, end LEADS_SMTP in ?starttls=never"
        return TransientError("SMTP_TLS", f"{server}: TLS failed: {reason}{hint}")
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return TransientError("SMTP_AUTH", f"{server} refused the login with {error.code}; check LEADS_SMTP")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        is_temporary = 0 < error.code < _PERMANENT
        code = "SMTP_TEMPORARY" if is_temporary else "SMTP_UNREACHABLE"
        return TransientError(code, f"{server} answered {error.code} {redacted(error.message)}")
    if isinstance(error, TimeoutError):
        return TransientError("SMTP_UNREACHABLE", f"{server} did not answer in time")
    if isinstance(error, OSError):
        reason = cause.strerror if isinstance(cause, OSError) else None
        return TransientError(
            "SMTP_UNREACHABLE", f"{server} cannot be reached: {reason or 'it closed the connection'}"
        )
    if isinstance(error, UnicodeError):
        return TransientError("SMTP_UNREACHABLE", f"{server} has an invalid host name")
    if "STARTTLS" in str(error) and settings.starttls == "required":
        return TransientError("SMTP_TLS", f"{server} offers no STARTTLS, which LEADS_SMTP requires")
    return TransientError("SMTP_AUTH", f"{server} offers no login method that we support; check LEADS_SMTP")
