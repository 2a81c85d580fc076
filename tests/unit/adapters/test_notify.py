"""Test which values of LEADS_NOTIFY are accepted, and that errors show no secret."""

from __future__ import annotations

import pytest

from streams.adapters.notify import notifier_from
from streams.adapters.smtp import SmtpMailer, SmtpSettings


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
