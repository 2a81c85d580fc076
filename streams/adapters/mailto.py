"""Notify owners of leads by e-mail."""

from __future__ import annotations

from typing import Literal

from actions.ports import Mail, Mailer
from streams.adapters.templates import PACKAGED, MailTemplates, message_id
from topics.events import Contact, LeadAssigned, Owner


class MailtoNotifier:
    """A `Notifier` that mails the owner; an answer goes to the contact."""

    channel: Literal["email"] = "email"
    drops_copies = False
    """No mail server drops the copy of a mail."""

    def __init__(self, mailer: Mailer, *, domain: str) -> None:
        """`domain` is the sender's, for Message-IDs; `mailer` is closed by whoever made it."""
        self._mailer = mailer
        self.dependency: str | None = getattr(mailer, "dependency", None)
        self._domain = domain
        self._templates = MailTemplates(PACKAGED / "owner", language="en", samples=[{"assigned": _SAMPLE}])

    async def notify(self, *, key: str, assigned: LeadAssigned) -> str:
        """Mail the owner and give back the Message-ID; errors as for `Mailer.send`."""
        subject, text, html = self._templates.render("en", {"assigned": assigned})
        mail = Mail(
            message_id=message_id(key, self._domain),
            to=assigned.owner.email,
            subject=subject,
            text=text,
            html=html,
            reply_to=assigned.contact.email,
        )
        await self._mailer.send(mail)
        return mail.message_id

    async def aclose(self) -> None:
        """Nothing here is open."""


_SAMPLE = LeadAssigned(
    lead_id="sample",
    contact_key="sample",
    contact_id="sample",
    owner=Owner(id="sample", name="Sample Owner", email="owner@example.com"),
    strategy="existing",
    candidates=[],
    reason="sample",
    contact=Contact(),
)
