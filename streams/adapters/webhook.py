"""Notify owners of leads through a webhook, following Standard Webhooks."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

import aiohttp
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError
from yarl import URL

from actions.errors import ActionError, PermanentError, TransientError
from streams.failpoints import reach
from topics.envelope import timestamp
from topics.events import LeadAssigned, encode
from topics.ids import derive_text

CONNECTIONS = 100
TIMEOUT = 10.0
"""Seconds for the whole call."""
LONGEST_WAIT = timedelta(days=1)
"""The longest accepted Retry-After: letters are not retried for longer."""
_ANSWER_LIMIT = 64 * 1024
_SECONDS = re.compile(r"\d{1,9}\Z", re.ASCII)
_SECRET = re.compile(r"(whsec_)?[A-Za-z0-9+/]+={0,2}\Z")
_REDIRECTS = range(300, 400)
_THROTTLES = frozenset({429, 503})
_TEMPORARY = frozenset({408, 425, 429})
_SERVER_ERRORS = 500
_DONE = range(200, 300)
_BODY = b'{"type":"' + LeadAssigned.type.encode() + b'","timestamp":"%s","data":%s}'


class WebhookNotifier:
    """A `Notifier` that posts `{"type", "timestamp", "data"}`; `data` is the `LeadAssigned` as on its topic.

    A call that was cut off is transient, never uncertain: its repetition has the same `webhook-id`, by which the
    receiver recognises it. Its `data` is the same to the byte; `timestamp` and `webhook-timestamp` are the attempt's.
    """

    channel: Literal["webhook"] = "webhook"
    dependency = "webhook"
    """The dependency for which steps that use it pause, when it fails every time."""
    drops_copies = True
    """The receiver recognises a copy by its `webhook-id`, so a call that was cut off may be repeated."""

    def __init__(
        self,
        url: str,
        *,
        secret: str | None = None,
        timeout: float = TIMEOUT,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """Connect later. `secret` is `whsec_…` or plain base64; without one, calls are not signed.

        Raise ValueError, one sentence without the URL and the secret: a URL may be secret, too.
        """
        self._url = _checked(url)
        self._webhook = None if secret is None else _signer(secret)
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._clock = clock or (lambda: datetime.now(UTC))
        self._session: aiohttp.ClientSession | None = None

    async def notify(self, *, key: str, assigned: LeadAssigned) -> str:
        """Post the assignment and return the `webhook-id`.

        TransientError: WEBHOOK_UNREACHABLE, WEBHOOK_TEMPORARY (with the receiver's Retry-After), WEBHOOK_REDIRECTED
        (people correct the setting while the leads wait). PermanentError: WEBHOOK_REFUSED.
        """
        now = self._clock()
        webhook_id = f"msg_{derive_text('webhook', key)}"
        body = _BODY % (timestamp(now).encode(), encode(assigned))
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
        }
        if self._webhook is not None:
            headers["webhook-signature"] = self._webhook.sign(webhook_id, now, body.decode())
        try:
            status, retry_after = await self._post(body, headers)
        except TimeoutError:
            raise TransientError("WEBHOOK_UNREACHABLE", "the webhook did not answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            reason = type(error).__name__
            raise TransientError("WEBHOOK_UNREACHABLE", f"the webhook cannot be reached ({reason})") from None
        if status not in _DONE:
            raise _verdict(status, _wait(retry_after, now))
        return webhook_id

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str | None]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                headers={"user-agent": "leads"},
                # The answer's body is not used, so it needs no compression and no content type.
                skip_auto_headers=("accept", "accept-encoding"),
                auto_decompress=False,
            )
        reach("webhook.before")
        async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
            reach("webhook.after")
            await answer.content.read(_ANSWER_LIMIT)  # only after the body's end can the connection be reused
            return answer.status, answer.headers.get("retry-after")


def _checked(url: str) -> URL:
    example = "write it like https://hooks.example/leads"
    try:
        parsed = URL(url)
    except ValueError:
        raise ValueError(f"the webhook's URL cannot be read; {example}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"the webhook's URL must begin with https:// or http:// and name a host; {example}")
    return parsed


def _signer(secret: str) -> Webhook:
    try:
        if not _SECRET.match(secret):
            raise ValueError
        return Webhook(secret)
    except (ValueError, EmptyWebhookSecretError):
        example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        raise ValueError(f"the webhook's secret is not base64; write it like {example}") from None


def _verdict(status: int, retry_after: timedelta | None) -> ActionError:
    message = f"the webhook answered {status}"
    if status in _REDIRECTS:
        return TransientError("WEBHOOK_REDIRECTED", f"{message}; set LEADS_NOTIFY to the address it moved to")
    if status in _THROTTLES and retry_after is not None:
        return TransientError("WEBHOOK_TEMPORARY", f"{message} with a Retry-After", retry_after=retry_after)
    if status in _TEMPORARY or status >= _SERVER_ERRORS:
        return TransientError("WEBHOOK_TEMPORARY", message)
    return PermanentError("WEBHOOK_REFUSED", message)


def _wait(text: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After: seconds or a date (RFC 9110, 10.2.3); None when it is absent or neither."""
    if text is None:
        return None
    if _SECONDS.match(text):
        return min(timedelta(seconds=int(text)), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), LONGEST_WAIT)
