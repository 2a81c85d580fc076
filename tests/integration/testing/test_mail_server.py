"""The mail server and the webhook receiver have on disk whatever they acknowledged."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from actions.errors import TransientError
from actions.ports import Mail
from streams.adapters.smtp import SmtpMailer, SmtpSettings
from tests.support.server_processes import lines, process


def mailer_to(port: int) -> SmtpMailer:
    return SmtpMailer(SmtpSettings("127.0.0.1", port), sender="hello@acme.example")


async def test_every_mail_that_was_acknowledged_is_in_the_file_when_the_mail_server_is_killed(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mails.jsonl"
    sent: set[str] = set()

    async with process("mail_server", "--file", file) as (server, port):
        mailer = mailer_to(port)

        async def send(number: int) -> None:
            mail = Mail(f"<{number}@acme.example>", "jo@customer.example", "Grüße", "Hello.\n")
            await mailer.send(mail)
            sent.add(mail.message_id)
            if len(sent) == 100:
                server.kill()

        outcomes = await asyncio.gather(*(send(number) for number in range(300)), return_exceptions=True)
        await mailer.aclose()

    recorded = lines(file)
    assert len(sent) >= 100
    assert any(isinstance(outcome, Exception) for outcome in outcomes)
    assert sent <= {line["message_id"] for line in recorded}
    assert len({line["message_id"] for line in recorded}) == len(recorded)
    assert {key: recorded[0][key] for key in ("from", "to", "subject")} == {
        "from": "hello@acme.example",
        "to": ["jo@customer.example"],
        "subject": "Grüße",
    }


async def test_a_mail_server_with_fail_records_nothing_and_exits_with_0(tmp_path: Path) -> None:
    file = tmp_path / "mails.jsonl"
    async with process("mail_server", "--file", file, "--fail", 451) as (server, port):
        mailer = mailer_to(port)

        with pytest.raises(TransientError, match="451"):
            await mailer.send(Mail("<1@acme.example>", "jo@customer.example", "Hello", "Hello.\n"))
        await mailer.aclose()
        server.send_signal(signal.SIGINT)
        code = await server.wait()

    assert (code, lines(file)) == (0, [])
