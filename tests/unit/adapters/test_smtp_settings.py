"""Test which values of LEADS_SMTP are accepted, and that errors show no password."""

from __future__ import annotations

import pytest

from streams.adapters.smtp import SmtpSettings


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
