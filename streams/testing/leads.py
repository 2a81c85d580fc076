"""Writes leads as other services publish them."""

from __future__ import annotations

import orjson


def lead(**fields: object) -> bytes:
    """Return a plain JSON lead of Jane Doe, with these fields added or replaced: `lead(email="max@example.com")`."""
    return orjson.dumps({"email": "jane.doe@example.com", "name": "Jane Doe", **fields})


def event_headers(event_id: str, **attributes: str) -> list[tuple[str, bytes | None]]:
    """Return binary-mode headers of a LeadReceived with this `ce_id` and other attributes: `time`, `expirytime`, …."""
    named = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/web",
        "type": "crm.lead.received.v1",
        "subject": f"lead/{event_id}",
        "time": "2026-11-23T08:00:00Z",
        **attributes,
    }
    headers: list[tuple[str, bytes | None]] = [(f"ce_{name}", text.encode()) for name, text in named.items()]
    return [*headers, ("content-type", b"application/json")]
