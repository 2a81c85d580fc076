"""The webhook receiver writes down what it accepted."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson

from streams.adapters.webhook import WebhookNotifier
from topics.events import Contact, LeadAssigned, Owner

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
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


@asynccontextmanager
async def process(module: str, *arguments: object) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Run one of the servers as a process; yield the process and its port."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", f"streams.testing.{module}", *map(str, arguments)),
        stdout=subprocess.PIPE,
        env=dict(os.environ, LEADS_NOTIFY_SECRET=SECRET),
    )
    assert running.stdout is not None
    try:
        yield running, orjson.loads(await running.stdout.readline())["port"]
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


def lines(file: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


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
