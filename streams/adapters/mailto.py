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
    """Mail servers do not drop the copy of a mail."""

    def __init__(self, mailer: Mailer, *, domain: str) -> None:
        """Take the sender's `domain`, for Message-IDs, and a `mailer`, which the caller closes."""
        self._mailer = mailer
        self.dependency: str | None = getattr(mailer, "dependency", None)
        self._domain = domain
        self._templates = MailTemplates(PACKAGED / "owner", language="en", samples=[{"assigned": _SAMPLE}])

    async def notify(self, *, key: str, assigned: LeadAssigned) -> str:
        """Mail the owner and return the Message-ID; raise errors as `Mailer.send` does."""
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
        """Do nothing: there is nothing to close."""


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
