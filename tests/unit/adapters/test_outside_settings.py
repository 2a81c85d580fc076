"""LEADS_SMTP and LEADS_NOTIFY: which values are accepted, and that errors show no secret."""

from __future__ import annotations

import pytest

from streams.adapters.addresses import redacted
from streams.adapters.notify import notifier_from
from streams.adapters.smtp import SmtpMailer, SmtpSettings


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("smtp://localhost", SmtpSettings("localhost", 25)),
        ("smtp://mail.example:587?starttls=required", SmtpSettings("mail.example", 587, starttls="required")),
        ("smtps://u:p%40ss@mail.example", SmtpSettings("mail.example", 465, "u", "p@ss", is_tls=True)),
        ("smtp://u:p@mail.example", SmtpSettings("mail.example", 25, "u", "p", starttls="required")),
        (
            "smtp://u:p@mail.example?starttls=never",
            SmtpSettings("mail.example", 25, "u", "p", starttls="never"),
        ),
        ("smtp://u:p@127.0.0.1:1025", SmtpSettings("127.0.0.1", 1025, "u", "p")),
    ],
)
def test_a_mail_server_is_read_and_passwords_go_to_other_machines_over_tls(
    url: str, settings: SmtpSettings
) -> None:
    assert SmtpSettings.parse(url) == settings


@pytest.mark.parametrize(
    "url",
    [
        "mail.example:25",
        "http://u:s3cret@mail.example",
        "smtp://u:s3cret@",
        "smtp://u:s3cret@mail.example:port",
        "smtp://u:s3cret@mail.example/inbox",
        "smtp://u:s3cret@mail.example?starttls=maybe",
        "smtp://u:s3cret@mail.example?ssl=1",
        "smtp://s3cret@mail.example",
        "smtp://u:s3cret@mail.example?s3cret",
        "smtp://u:s3cret@[mail.example",
    ],
)
def test_a_mail_server_that_cannot_be_read_is_explained_without_the_password(url: str) -> None:
    with pytest.raises(ValueError, match="the mail server's URL") as raised:
        SmtpSettings.parse(url)

    assert "s3cret" not in str(raised.value)
    assert "s3cret" not in repr(SmtpSettings("mail.example", 25, "u", "s3cret"))


def test_each_channel_is_chosen_by_its_url() -> None:
    mailer = SmtpMailer(SmtpSettings("localhost", 25), sender="hello@acme.example")

    urls = (None, "mailto:", "https://hooks.example/x", "http://localhost:1/x")

    assert [notifier_from(url, mailer=mailer).channel for url in urls] == [
        "none",
        "email",
        "webhook",
        "webhook",
    ]


@pytest.mark.parametrize(
    ("url", "secret", "sentence"),
    [
        ("mailto:", None, "set LEADS_SMTP"),
        ("mailto:boss@acme.example", None, "write just mailto:"),
        ("ftp://s3cret.example", None, "must begin with https://"),
        ("https://", None, "must begin with https://"),
        ("hooks.example/s3cret", None, "must begin with https://"),
        ("https://hooks.example:s3cret", None, "cannot be read"),
        ("https://hooks.example", "s3cret!", "secret is not base64"),
        ("https://hooks.example", "whsec_", "secret is not base64"),
        ("https://hooks.example", "", "secret is not base64"),
    ],
)
def test_a_channel_that_cannot_be_is_explained_without_the_secret(
    url: str, secret: str | None, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence) as raised:
        notifier_from(url, secret=secret)

    assert "s3cret" not in str(raised.value)


def test_an_answer_is_repeated_without_addresses_on_one_line_and_cut() -> None:
    answer = "no <Jo.Doe@x.example>, user\r\njo.doe unknown " + "x" * 300

    answer_shown = redacted(answer, "jo.doe")

    assert answer_shown.startswith("no <<address>>, user <address> unknown x")
    assert len(answer_shown) == 200


@pytest.mark.parametrize("sender", ["Acme", "hello acme@acme.example", "a@b.example\r\nBcc: c@d.example", ""])
def test_a_sender_that_is_no_address_is_refused_at_the_start(sender: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        SmtpMailer(SmtpSettings("localhost", 25), sender=sender)
