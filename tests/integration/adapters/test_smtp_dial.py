"""Test login and TLS of a connection to a real mail server."""

from __future__ import annotations

import ssl
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from actions.errors import TransientError
from actions.ports import Mail
from streams.adapters.smtp import SmtpMailer, SmtpSettings
from streams.testing.mail_server import MailServer

SENDER = "Acme <hello@acme.example>"
CERTIFICATE = """
308201673082010da003020102020101300a06082a8648ce3d04030230143112301006035504030c096c6f63616c686f7374
3020170d3230303130313030303030305a180f32313230303130313030303030305a30143112301006035504030c096c6f63
616c686f73743059301306072a8648ce3d020106082a8648ce3d030107034200043ad0dbe3bf6371218cb0528e2006d6f9cd
ef7efb2d975629c8b5eebf5b4c260821f2fcf06d138d286f85f5005c319da355bb6c353c8e4e31ee5f111f935e30fea34e30
4c301a0603551d110413301182096c6f63616c686f737487047f000001300f0603551d130101ff040530030101ff301d0603
551d0e041604140777e6f06d2d22ec0dedabf40a845e89cf4d4d08300a06082a8648ce3d04030203480030450220160434f1
e302369437e7ed66af9ae09ec0d0e8b50f2f65e4e39be40cebf8d45a022100cb1d9f7fd218ddd3564e0fb26ea72fdd97b6e5
4fc915ab388ce825297b6e8d4e
"""
KEY = """\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdHRTrcaFMYmQsqeQ
riSo/4LHd7FvQmuXEqLvq4zN1x+hRANCAAQ60Nvjv2NxIYywUo4gBtb5ze9++y2X
VinIte6/W0wmCCHy/PBtE40ob4X1AFwxnaNVu2w1PI5OMe5fER+TXjD+
"""


def mail(number: int = 1, *, to: str = "jo@customer.example") -> Mail:
    return Mail(f"<{number}@acme.example>", to, "Welcome", "Hello.\n")


def ids(server: MailServer) -> list[str]:
    return [message_from_bytes(each.content, policy=policy.SMTP)["message-id"] for each in server.mails]


def mailer_to(url: str, *, connections: int = 16, tls: ssl.SSLContext | None = None) -> SmtpMailer:
    return SmtpMailer(SmtpSettings.parse(url), sender=SENDER, connections=connections, tls_context=tls)


def tls_contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return TLS contexts of a server on localhost and of a client that trusts it; the certificate expires in 2120."""
    (folder / "cert.pem").write_text(ssl.DER_cert_to_PEM_cert(bytes.fromhex(CERTIFICATE)))
    key = "-----{} PRIVATE KEY-----\n"
    (folder / "key.pem").write_text(key.format("BEGIN") + KEY + key.format("END"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=str(folder / "cert.pem"))


async def test_a_login_works_and_a_refused_one_keeps_mails_waiting_and_the_password_secret() -> None:
    async with MailServer(is_keeping=True, login=("leads", "s3cret/ä")) as server:
        mailer = mailer_to(f"smtp://leads:s3cret%2F%C3%A4@127.0.0.1:{server.port}")
        await mailer.send(mail(1))
        await mailer.aclose()
        wrong = mailer_to(f"smtp://leads:wr0ng@127.0.0.1:{server.port}")

        with pytest.raises(TransientError) as raised:
            await wrong.send(mail(2))

    assert raised.value.code == "SMTP_AUTH"
    assert "wr0ng" not in raised.value.message
    assert ids(server) == ["<1@acme.example>"]


async def test_a_required_starttls_that_is_not_offered_stops_before_anything_is_sent() -> None:
    async with MailServer(is_keeping=True, login=("leads", "s3cret")) as server:
        mailer = mailer_to(f"smtp://leads:s3cret@127.0.0.1:{server.port}?starttls=required")

        with pytest.raises(TransientError, match="offers no STARTTLS") as raised:
            await mailer.send(mail())

    assert raised.value.code == "SMTP_TLS"
    assert server.mails == []


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
async def test_mails_go_over_tls_when_the_certificate_is_trusted_and_wait_when_it_is_not(
    scheme: str, tmp_path: Path
) -> None:
    certificate, client = tls_contexts(tmp_path)
    options = {"tls" if scheme == "smtps" else "starttls": certificate}
    async with MailServer(is_keeping=True, **options) as server:  # type: ignore[arg-type]  # one of two keywords
        url = f"{scheme}://localhost:{server.port}"
        trusting, doubting = mailer_to(url, tls=client), mailer_to(url)
        await trusting.send(mail(1))
        await trusting.send(mail(2))
        await trusting.aclose()

        with pytest.raises(TransientError, match="TLS failed: self-signed certificate") as raised:
            await doubting.send(mail(3))

    assert raised.value.code == "SMTP_TLS"
    assert ids(server) == ["<1@acme.example>", "<2@acme.example>"]
    assert server.greeted == (1 if scheme == "smtps" else 3)  # EHLO is sent again after STARTTLS
