"""Choose by LEADS_NOTIFY how owners are notified."""

from __future__ import annotations

from typing import Literal

from actions.errors import PermanentError
from streams.adapters.mailto import MailtoNotifier
from streams.adapters.smtp import SmtpMailer
from streams.adapters.webhook import WebhookNotifier
from topics.events import LeadAssigned


class NoNotifier:
    """The `Notifier` when none is configured; actions see its channel and do not call it."""

    channel: Literal["none"] = "none"

    async def notify(self, *, key: str, assigned: LeadAssigned) -> str:  # noqa: ARG002 - the port has it
        """Raise PermanentError, so that nothing counts as done that was not done."""
        raise PermanentError("NOTIFY_NOT_CONFIGURED", f"nobody can be notified of {key}; set LEADS_NOTIFY")

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""


def notifier_from(
    url: str | None, *, secret: str | None = None, mailer: SmtpMailer | None = None
) -> WebhookNotifier | MailtoNotifier | NoNotifier:
    """Read LEADS_NOTIFY (`https://…`, `mailto:`, or None) and LEADS_NOTIFY_SECRET.

    Raise ValueError, one sentence with the next step that repeats neither URL nor secret.
    """
    if url is None:
        return NoNotifier()
    if not url.lower().startswith("mailto:"):
        return WebhookNotifier(url, secret=secret)
    if url.lower() != "mailto:":
        raise ValueError(
            "mailto: takes no address, because each owner is mailed at their own; write just mailto:"
        )
    if mailer is None:
        raise ValueError("mailto: needs a mail server; set LEADS_SMTP")
    return MailtoNotifier(mailer, domain=mailer.sender.address.domain)
