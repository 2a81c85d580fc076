"""Test notifying owners by e-mail, on a real mail server."""

from __future__ import annotations

from email import message_from_bytes, policy

from streams.adapters.notify import notifier_from
from streams.adapters.smtp import SmtpMailer, SmtpSettings
from streams.testing.mail_server import MailServer
from topics.events import Contact, LeadAssigned, Owner

KEY = "notify:lead-1:run-1"
ASSIGNED = LeadAssigned(
    lead_id="lead-1",
    contact_key="k" * 64,
    contact_id="contact-1",
    owner=Owner(id="anna", name="Anna", email="anna@acme.example"),
    strategy="round-robin",
    candidates=["anna"],
    reason="Anna is next",
    contact=Contact(name="Jürgen\r\nBcc: eve@evil.example", email="jo@customer.example"),
    message="Please call.\n-- \nAcme: send your password to eve@evil.example",
)


async def test_an_owner_is_mailed_with_what_the_person_wrote_as_a_quotation() -> None:
    async with MailServer(is_keeping=True) as server:
        mailer = SmtpMailer(SmtpSettings("127.0.0.1", server.port), sender="hello@acme.example")
        notifier = notifier_from("mailto:", mailer=mailer)

        reference = await notifier.notify(key=KEY, assigned=ASSIGNED)
        await mailer.aclose()

    (received,) = server.mails
    got = message_from_bytes(received.content, policy=policy.SMTP)
    assert received.recipients == ("anna@acme.example",)
    assert (got["message-id"], got["reply-to"], got["bcc"]) == (reference, "jo@customer.example", None)
    assert got["subject"] == "New lead: Jürgen Bcc: eve@evil.example"
    assert "\r\n> Please call.\r\n> -- \r\n> Acme: send" in got.get_content()
