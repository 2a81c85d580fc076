"""Test notifying owners through a webhook, on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from actions.errors import ActionError, PermanentError, TransientError
from streams.adapters.webhook import WebhookNotifier
from streams.testing.webhook_receiver import WebhookReceiver
from topics.events import Contact, LeadAssigned, Owner, encode

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2026, 11, 23, 20, 15, tzinfo=UTC)
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


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver(is_keeping=True, secret=SECRET) as running:
        yield running


async def test_a_webhook_is_signed_and_its_data_is_the_event(receiver: WebhookReceiver) -> None:
    notifier = WebhookNotifier(receiver.url, secret=SECRET)

    reference = await notifier.notify(key=KEY, assigned=ASSIGNED)
    await notifier.aclose()

    (received,) = receiver.webhooks
    body = Webhook(SECRET).verify(received.body, received.headers)
    assert body == {
        "type": "crm.lead.assigned.v1",
        "timestamp": body["timestamp"],
        "data": orjson.loads(encode(ASSIGNED)),
    }
    assert reference == received.headers["webhook-id"]
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(received.body + b" ", received.headers)


async def test_a_repeated_webhook_has_the_same_id_and_data_and_another_lead_has_another() -> None:
    moments = iter(NOW + timedelta(hours=hours) for hours in range(3))
    async with WebhookReceiver(is_keeping=True) as receiver:
        notifier = WebhookNotifier(receiver.url, clock=lambda: next(moments))
        receiver.behaviour.is_hanging_up = True
        with pytest.raises(TransientError):  # the receiver has it, but the notifier cannot know
            await notifier.notify(key=KEY, assigned=ASSIGNED)
        receiver.behaviour.is_hanging_up = False

        again = await notifier.notify(key=KEY, assigned=ASSIGNED)
        other = await notifier.notify(key="notify:lead-2:run-2", assigned=ASSIGNED)
        await notifier.aclose()

    first, second, third = receiver.webhooks
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == again
    assert third.headers["webhook-id"] == other != again
    assert orjson.loads(first.body)["data"] == orjson.loads(second.body)["data"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


@pytest.mark.parametrize(
    ("status", "headers", "error", "code", "retry_after"),
    [
        (400, {}, PermanentError, "WEBHOOK_REFUSED", None),
        (401, {"retry-after": "7"}, PermanentError, "WEBHOOK_REFUSED", None),
        (410, {}, PermanentError, "WEBHOOK_REFUSED", None),
        (408, {}, TransientError, "WEBHOOK_TEMPORARY", None),
        (429, {}, TransientError, "WEBHOOK_TEMPORARY", None),
        (429, {"retry-after": "7"}, TransientError, "WEBHOOK_TEMPORARY", 7),
        (503, {"retry-after": "Mon, 23 Nov 2026 20:16:30 GMT"}, TransientError, "WEBHOOK_TEMPORARY", 90),
        (503, {"retry-after": "Mon, 23 Nov 2026 20:00:00 GMT"}, TransientError, "WEBHOOK_TEMPORARY", 0),
        (503, {"retry-after": "999999999"}, TransientError, "WEBHOOK_TEMPORARY", 86400),
        (503, {"retry-after": "soon"}, TransientError, "WEBHOOK_TEMPORARY", None),
        (500, {}, TransientError, "WEBHOOK_TEMPORARY", None),
        (302, {"location": "/elsewhere"}, TransientError, "WEBHOOK_REDIRECTED", None),
    ],
)
async def test_an_answer_other_than_yes_decides_whether_and_when_to_retry(
    receiver: WebhookReceiver,
    status: int,
    headers: dict[str, str],
    error: type[ActionError],
    code: str,
    retry_after: int | None,
) -> None:
    receiver.behaviour.status = status
    receiver.behaviour.headers = headers
    notifier = WebhookNotifier(receiver.url, secret=SECRET, clock=lambda: NOW)

    with pytest.raises(error) as raised:
        await notifier.notify(key=KEY, assigned=ASSIGNED)
    await notifier.aclose()

    expected = None if retry_after is None else timedelta(seconds=retry_after)
    assert (raised.value.code, getattr(raised.value, "retry_after", None)) == (code, expected)
    assert receiver.webhooks == []


async def test_a_receiver_that_is_down_or_silent_is_transient_and_gets_it_when_it_is_back() -> None:
    receiver = WebhookReceiver(is_keeping=True)
    async with receiver:
        notifier = WebhookNotifier(receiver.url, timeout=0.3)
        receiver.behaviour.delay = 60
        with pytest.raises(TransientError, match="did not answer in time"):
            await notifier.notify(key=KEY, assigned=ASSIGNED)
        receiver.behaviour.delay = 0
    with pytest.raises(TransientError, match="cannot be reached"):
        await notifier.notify(key=KEY, assigned=ASSIGNED)

    async with receiver:
        await notifier.notify(key=KEY, assigned=ASSIGNED)
        await notifier.aclose()

    assert len(receiver.webhooks) == 1


async def test_a_receiver_accepts_nothing_that_is_wrongly_signed(receiver: WebhookReceiver) -> None:
    notifier = WebhookNotifier(receiver.url, secret="whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")

    with pytest.raises(PermanentError, match="401"):
        await notifier.notify(key=KEY, assigned=ASSIGNED)
    await notifier.aclose()

    assert receiver.webhooks == []
