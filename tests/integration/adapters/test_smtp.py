"""Test on a real server what each failure of the mailer means for the mail."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes, policy
from typing import Literal

import pytest

from actions.errors import ActionError, PermanentError, TransientError, UncertainError
from actions.ports import Mail
from streams.adapters.smtp import SmtpMailer, SmtpSettings, Timeouts
from streams.testing.mail_server import MailServer

SENDER = "Acme <hello@acme.example>"
SHORT = Timeouts(connect=0.3, command=0.3, taken=0.3)


def mail(number: int = 1, *, to: str = "jo@customer.example", text: str = "Hello.\n") -> Mail:
    return Mail(f"<{number}@acme.example>", to, "Welcome", text)


def ids(server: MailServer) -> list[str]:
    return [message_from_bytes(each.content, policy=policy.SMTP)["message-id"] for each in server.mails]


@asynccontextmanager
async def mailer_to(port: int, *, timeouts: Timeouts | None = None) -> AsyncIterator[SmtpMailer]:
    settings = SmtpSettings.parse(f"smtp://127.0.0.1:{port}")
    mailer = SmtpMailer(settings, sender=SENDER, timeouts=timeouts)
    try:
        yield mailer
    finally:
        await mailer.aclose()


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def scripted(*talks: Talk) -> AsyncIterator[int]:
    """Run a server whose connections follow the `talks`, one each in turn, and close when their talk ends."""
    turns = iter(talks)
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await next(turns)(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*tasks)


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 scripted\r\n")
    await reader.readline()
    writer.write(b"250 scripted\r\n")


async def take_envelope(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for reply in (b"250 OK\r\n", b"250 OK\r\n", b"354 go on\r\n"):
        await reader.readline()
        writer.write(reply)


async def take_mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await take_envelope(reader, writer)
    await reader.readuntil(b"\r\n.\r\n")
    writer.write(b"250 taken\r\n")


MAPPING: list[tuple[str, str, type[ActionError], str]] = [
    ("MAIL", "451 4.3.0 later", TransientError, "SMTP_TEMPORARY"),
    ("MAIL", "421 4.3.2 closing", TransientError, "SMTP_TEMPORARY"),
    ("MAIL", "553 5.7.1 not your address", TransientError, "SMTP_SENDER"),
    ("MAIL", "530 5.7.0 log in first", TransientError, "SMTP_AUTH"),
    ("MAIL", "552 5.3.4 too big", PermanentError, "SMTP_REFUSED"),
    ("RCPT", "450 4.2.1 mailbox busy", TransientError, "SMTP_TEMPORARY"),
    ("RCPT", "550 5.1.1 no such mailbox", PermanentError, "SMTP_REFUSED"),
    ("DATA", "451 4.3.0 later", TransientError, "SMTP_TEMPORARY"),
    ("DATA", "554 5.5.1 no valid recipients", PermanentError, "SMTP_REFUSED"),
    ("message", "451 4.3.0 later", TransientError, "SMTP_TEMPORARY"),
    ("message", "421 4.3.2 closing", TransientError, "SMTP_TEMPORARY"),
    ("message", "554 5.6.0 looks like spam", PermanentError, "SMTP_REFUSED"),
]


@pytest.mark.parametrize("is_pipelining", [True, False])
@pytest.mark.parametrize(("stage", "answer", "error", "code"), MAPPING)
async def test_a_refusal_is_permanent_only_where_the_mail_itself_is_refused_and_the_next_mail_goes(
    stage: str, answer: str, error: type[ActionError], code: str, *, is_pipelining: bool
) -> None:
    async with (
        MailServer(is_keeping=True, is_pipelining=is_pipelining) as server,
        mailer_to(server.port) as mailer,
    ):
        server.behaviour.refuse = {stage: answer}

        with pytest.raises(error) as raised:
            await mailer.send(mail(1))
        server.behaviour.refuse = {}
        await mailer.send(mail(2))

    assert type(raised.value) is error
    assert raised.value.code == code
    assert ids(server) == ["<2@acme.example>"]


@pytest.mark.parametrize("stage", ["MAIL", "DATA"])
async def test_a_connection_lost_before_the_mail_is_certain(stage: Literal["MAIL", "DATA"]) -> None:
    async with MailServer(is_keeping=True) as server, mailer_to(server.port) as mailer:
        server.behaviour.hang_up = stage

        with pytest.raises(TransientError) as raised:
            await mailer.send(mail())

    assert raised.value.code == "SMTP_UNREACHABLE"
    assert server.mails == []


async def test_a_connection_lost_after_the_mail_is_uncertain_and_the_mail_may_be_out() -> None:
    async with MailServer(is_keeping=True) as server, mailer_to(server.port) as mailer:
        server.behaviour.hang_up = "message"

        with pytest.raises(UncertainError, match=r"<1@acme\.example> was handed over"):
            await mailer.send(mail())

    assert ids(server) == ["<1@acme.example>"]


async def test_a_server_that_never_answers_a_mail_leaves_it_uncertain() -> None:
    async with MailServer() as server, mailer_to(server.port, timeouts=SHORT) as mailer:
        server.behaviour.delay = 60

        with pytest.raises(UncertainError, match=r"did not answer within 0\.3 s"):
            await mailer.send(mail())


@pytest.mark.parametrize("answer", [b"354 more?\r\n", b"+OK\r\n", b"2", b""])
async def test_an_answer_to_a_mail_that_is_neither_yes_nor_no_leaves_it_uncertain(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await take_envelope(reader, writer)
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(answer)
        await writer.drain()

    async with scripted(talk) as port, mailer_to(port) as mailer:
        with pytest.raises(UncertainError):
            await mailer.send(mail())


async def test_a_server_killed_in_the_middle_of_a_long_mail_has_certainly_not_taken_it() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        await take_envelope(reader, writer)
        await reader.read(1000)

    async with scripted(talk) as port, mailer_to(port) as mailer:
        with pytest.raises(TransientError) as raised:
            await mailer.send(mail(text="many words\n" * 2_000_000))

    assert raised.value.code == "SMTP_UNREACHABLE"


async def test_a_long_mail_arrives_whole() -> None:
    text = ".\n..dots\n" + "many words\n" * 50_000
    async with MailServer(is_keeping=True) as server, mailer_to(server.port) as mailer:
        await mailer.send(mail(text=text))

    got = message_from_bytes(server.mails[0].content, policy=policy.SMTP)
    assert got.get_content().replace("\r\n", "\n") == text


async def test_a_recipient_refused_by_a_server_that_wants_the_mail_all_the_same_gets_none() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 scripted\r\n")
        await reader.readline()
        writer.write(b"250-scripted\r\n250 PIPELINING\r\n")
        await reader.readuntil(b"DATA\r\n")
        writer.write(b"250 OK\r\n550 no such mailbox\r\n354 go on\r\n")
        rest.append(await reader.read())

    rest: list[bytes] = []
    async with scripted(talk) as port, mailer_to(port) as mailer:
        with pytest.raises(PermanentError):
            await mailer.send(mail())

    assert rest in ([], [b""])


async def test_nothing_that_listens_is_transient() -> None:
    with MailServer() as server:
        pass
    async with mailer_to(server.port) as mailer:
        with pytest.raises(TransientError, match=r"127\.0\.0\.1:\d+ cannot be reached") as raised:
            await mailer.send(mail())

    assert raised.value.code == "SMTP_UNREACHABLE"


@pytest.mark.parametrize(
    ("greeting", "code"),
    [
        (b"", "SMTP_UNREACHABLE"),
        (b"421 too busy\r\n", "SMTP_TEMPORARY"),
        (b"554 we do not talk to you, ask jo@provider.example\r\n", "SMTP_UNREACHABLE"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "SMTP_UNREACHABLE"),
    ],
)
async def test_a_server_that_does_not_let_us_in_is_transient_and_no_address_of_its_answer_is_repeated(
    greeting: bytes, code: str
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await reader.read()

    async with scripted(talk) as port, mailer_to(port, timeouts=SHORT) as mailer:
        with pytest.raises(TransientError) as raised:
            await mailer.send(mail())

    assert raised.value.code == code
    assert "provider.example" not in raised.value.message


async def test_personal_data_in_a_servers_answer_is_not_repeated() -> None:
    async with MailServer() as server, mailer_to(server.port) as mailer:
        server.behaviour.refuse = {"RCPT": "550 5.1.1 <Jo.Doe@customer.example>: no mailbox JO.DOE here"}

        with pytest.raises(PermanentError) as raised:
            await mailer.send(mail(to="jo.doe@customer.example"))

    assert not re.search("doe|customer", raised.value.message, re.IGNORECASE)
    assert "550 5.1.1 <<address>>: no mailbox <address> here" in raised.value.message
