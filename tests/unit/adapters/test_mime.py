"""Test that the standard library reads the mails that we encode."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.ports import Mail
from streams.adapters.addresses import Address, Sender
from streams.adapters.mime import compose

NOW = datetime(2026, 11, 23, 20, 15, tzinfo=UTC)
TO = Address.parse("jo@customer.example")
SENDER = Sender.parse("Acme <hello@acme.example>")

texts = st.text(st.characters(codec="utf-8"))
headers = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), min_size=1)
"""One line without control characters; readers may fold white space, so the test normalises it."""

names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), min_size=1, max_size=10)
"""Short enough for one encoded word: Python reads a space between two of them in a name, against RFC 2047."""


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.SMTP)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def lines_of(text: str) -> str:
    """Return the text with plain line ends and one at its end, as in a mail."""
    unix = text.replace("\r\n", "\n").replace("\r", "\n")
    return unix if unix.endswith("\n") else unix + "\n"


@given(subject=headers, name=names, text=texts, html=st.none() | texts)
def test_what_is_written_is_what_is_read(subject: str, name: str, text: str, html: str | None) -> None:
    subject, name = " ".join(subject.split()) or "-", " ".join(name.split()) or "-"
    mail = Mail("<1@acme.example>", TO.text, subject, text, html, "anna@acme.example")

    content = compose(mail, Sender(SENDER.address, name), TO, NOW)

    message = read(content)
    assert message["subject"] == subject
    assert message["from"].addresses[0].addr_spec == "hello@acme.example"
    assert message["from"].addresses[0].display_name == name
    assert (message["to"], message["reply-to"]) == (TO.text, "anna@acme.example")
    assert (message["message-id"], message["date"].datetime) == ("<1@acme.example>", NOW)
    assert lines_of(body(message, "plain")) == lines_of(text)
    assert html is None or lines_of(body(message, "html")) == lines_of(html)
    assert message.defects == []
    assert content.isascii()


@given(subject=headers, text=texts, html=texts)
def test_every_line_is_one_that_smtp_may_carry(subject: str, text: str, html: str) -> None:
    content = compose(Mail("<1@acme.example>", TO.text, subject, text, html), SENDER, TO, NOW)

    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert lines[-1] == b""


@pytest.mark.parametrize("value", ["Hi\r\nBcc: eve@evil.example", "Hi\nthere", "Hi\rthere", "Hi\x00"])
def test_a_line_end_starts_no_header_of_its_own(value: str) -> None:
    mail = Mail("<1@acme.example>", TO.text, value, "Hello.\n")

    with pytest.raises(ValueError, match="the subject holds a control character") as raised:
        compose(mail, SENDER, TO, NOW)

    assert "evil" not in str(raised.value)


def test_an_answer_address_that_not_every_server_takes_is_left_out() -> None:
    mail = Mail("<1@acme.example>", TO.text, "Hi", "Hello.\n", reply_to="jürgen@customer.example")

    assert read(compose(mail, SENDER, TO, NOW))["reply-to"] is None
