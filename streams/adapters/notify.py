"""Choose from LEADS_NOTIFY how owners are notified."""

from __future__ import annotations

from typing import Literal

from actions.errors import PermanentError
from streams.adapters.mailto import MailtoNotifier
from streams.adapters.smtp import SmtpMailer
from streams.adapters.webhook import WebhookNotifier
from topics.events import LeadAssigned


class NoNotifier:
    """A `Notifier` where none is wanted; actions see its channel and do not ask it."""

    channel: Literal["none"] = "none"

    async def notify(self, *, key: str, assigned: LeadAssigned) -> str:  # noqa: ARG002 - the port has it
        """Refuse: nothing is reported done that was not done."""
        raise PermanentError("NOTIFY_NOT_CONFIGURED", f"{key} cannot be told to anyone; set LEADS_NOTIFY")

    async def aclose(self) -> None:
        """Nothing here is open."""


def notifier_from(
    url: str | None, *, secret: str | None = None, mailer: SmtpMailer | None = None
) -> WebhookNotifier | MailtoNotifier | NoNotifier:
    """Read LEADS_NOTIFY (`https://…`, `mailto:`, or None) and LEADS_NOTIFY_SECRET.

    Raises ValueError, one sentence that says what to write and repeats neither URL nor secret.
    """
    if url is None:
        return NoNotifier()
    if not url.lower().startswith("mailto:"):
        return WebhookNotifier(url, secret=secret)
    if url.lower() != "mailto:":
        raise ValueError(
            "mailto: takes no address, each owner is written to at their own; write just mailto:"
        )
    if mailer is None:
        raise ValueError("mailto: needs a mail server; set LEADS_SMTP")
    return MailtoNotifier(mailer, domain=mailer.sender.address.domain)
