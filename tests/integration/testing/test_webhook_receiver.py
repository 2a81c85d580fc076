"""The webhook receiver writes down what it accepted."""

from __future__ import annotations

import asyncio
from pathlib import Path

from streams.adapters.webhook import WebhookNotifier
from tests.support.server_processes import SECRET, lines, process
from topics.events import Contact, LeadAssigned, Owner

ASSIGNED = LeadAssigned(
    lead_id="lead-1",
    contact_key="k" * 64,
    contact_id="contact-1",
    owner=Owner(id="anna", name="Anna", email="anna@acme.example"),
    strategy="round-robin",
    candidates=["anna"],
    reason="Anna is next",
    contact=Contact(),
)


async def test_a_webhook_receiver_records_the_ids_of_what_it_accepted(tmp_path: Path) -> None:
    file = tmp_path / "hooks.jsonl"
    async with process("webhook_receiver", "--file", file) as (receiver, port):
        notifier = WebhookNotifier(f"http://127.0.0.1:{port}/", secret=SECRET)

        keys = [f"notify:lead-{number}" for number in range(50)]
        ids = await asyncio.gather(*(notifier.notify(key=key, assigned=ASSIGNED) for key in keys))
        receiver.kill()
        await notifier.aclose()

    recorded = lines(file)
    assert sorted(str(line["webhook_id"]) for line in recorded) == sorted(ids)
    assert {(line["lead_id"], line["is_verified"]) for line in recorded} == {("lead-1", True)}
