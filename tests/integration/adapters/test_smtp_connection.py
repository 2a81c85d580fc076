"""Test the mailer's connections: reuse, staleness, addresses beyond ASCII."""

from __future__ import annotations

import asyncio
import ssl
from email import message_from_bytes, policy

import pytest

from actions.errors import PermanentError, TransientError
from actions.ports import Mail
from streams.adapters.smtp import SmtpMailer, SmtpSettings, Timeouts
from streams.testing.mail_server import MailServer

SENDER = "Acme <hello@acme.example>"


def mail(number: int = 1, *, to: str = "jo@customer.example") -> Mail:
    return Mail(f"<{number}@acme.example>", to, "Welcome", "Hello.\n")


def ids(server: MailServer) -> list[str]:
    return [message_from_bytes(each.content, policy=policy.SMTP)["message-id"] for each in server.mails]


def mailer_to(url: str, *, connections: int = 16, tls: ssl.SSLContext | None = None) -> SmtpMailer:
    return SmtpMailer(SmtpSettings.parse(url), sender=SENDER, connections=connections, tls_context=tls)


async def test_mails_at_once_share_a_few_connections_and_each_arrives_once() -> None:
    async with MailServer(is_keeping=True) as server:
        mailer = mailer_to(f"smtp://127.0.0.1:{server.port}")

        await asyncio.gather(*(mailer.send(mail(number)) for number in range(200)))
        await mailer.aclose()

    assert sorted(ids(server)) == sorted(f"<{number}@acme.example>" for number in range(200))
    assert 1 < server.greeted <= 16


async def test_a_connection_that_went_stale_is_replaced_and_the_mail_goes_out_once() -> None:
    async with MailServer(is_keeping=True) as server:
        mailer = mailer_to(f"smtp://127.0.0.1:{server.port}")
        await mailer.send(mail(1))

        server.hang_up()
        await mailer.send(mail(2))
        await mailer.aclose()

    assert ids(server) == ["<1@acme.example>", "<2@acme.example>"]
    assert server.greeted == 2


@pytest.mark.parametrize("goodbye", [b"", b"421 4.4.2 idle for too long\r\n"])
async def test_a_connection_that_dies_at_the_next_mail_is_replaced_and_the_mail_goes_out_once(
    goodbye: bytes,
) -> None:
    taken: list[bytes] = []
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        is_first = connections == 1
        writer.write(b"220 scripted\r\n")
        await reader.readline()
        writer.write(b"250 scripted\r\n")
        while (line := await reader.readline()) and line != b"QUIT\r\n":
            if is_first and taken:
                writer.write(goodbye)
                break
            writer.write(b"354 go on\r\n" if line == b"DATA\r\n" else b"250 OK\r\n")
            if line == b"DATA\r\n":
                taken.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 taken\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        mailer = mailer_to(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await mailer.send(mail(1))
        await mailer.send(mail(2))
        await mailer.aclose()

    assert [b"<1@" in taken[0], b"<2@" in taken[1], len(taken)] == [True, True, 2]
    assert connections == 2


async def test_a_server_that_comes_back_gets_mails_again() -> None:
    server = MailServer(is_keeping=True)
    async with server:
        mailer = mailer_to(f"smtp://127.0.0.1:{server.port}")
        await mailer.send(mail(1))
    with pytest.raises(TransientError):
        await mailer.send(mail(2))
    async with server:
        await mailer.send(mail(2))
        await mailer.aclose()

    assert ids(server) == ["<1@acme.example>", "<2@acme.example>"]


async def test_an_abandoned_mail_takes_its_connection_with_it_so_that_no_later_mail_gets_its_answer() -> None:
    async with MailServer(is_keeping=True) as server:
        mailer = mailer_to(f"smtp://127.0.0.1:{server.port}", connections=1)
        await mailer.send(mail(1))
        server.behaviour.delay = 60
        abandoned = asyncio.create_task(mailer.send(mail(2)))
        await asyncio.wait([abandoned], timeout=0.1)

        abandoned.cancel()
        await asyncio.wait([abandoned])

        async with asyncio.timeout(5):
            while server.connections:
                await asyncio.sleep(0.01)
        server.behaviour.delay = 0
        await mailer.send(mail(3))
        await mailer.aclose()

    assert abandoned.cancelled()
    assert (ids(server), server.greeted) == (["<1@acme.example>", "<3@acme.example>"], 2)


async def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    async with MailServer(is_utf8=False) as old, MailServer(is_keeping=True) as new:
        to_old, to_new = (mailer_to(f"smtp://127.0.0.1:{each.port}") for each in (old, new))
        await to_new.send(mail(1, to="jürgen@bücher.example"))
        await to_old.send(mail(2, to="jo@bücher.example"))

        with pytest.raises(PermanentError) as raised:
            await to_old.send(mail(3, to="jürgen@bücher.example"))
        await to_old.aclose()
        await to_new.aclose()

    assert raised.value.code == "SMTP_NO_UTF8"
    assert new.mails[0].recipients == ("jürgen@xn--bcher-kva.example",)


@pytest.mark.parametrize("to", ["jo", "jo@", "jo@x.example>\r\nRCPT TO:<eve@x.example", "a b@x.example"])
async def test_what_is_no_address_is_refused_before_the_server_is_asked(to: str) -> None:
    mailer = SmtpMailer(SmtpSettings("127.0.0.1", 1), sender=SENDER, timeouts=Timeouts(connect=0.1))

    with pytest.raises(PermanentError) as raised:
        await mailer.send(mail(to=to))

    assert raised.value.code == "SMTP_ADDRESS"
