"""This file gives a dead letter as plain data; its record only when asked for."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streams.store.letters import LetterRow


def as_data(row: LetterRow) -> dict[str, Any]:
    """Give what is known of a letter; nothing of the record itself."""
    letter = row.letter
    return {
        "id": letter.id,
        "status": row.status,
        "resolution": row.resolution,
        "action": letter.action,
        "action_version": letter.action_version,
        "stage": letter.stage,
        "class": letter.failure_class,
        "code": letter.code,
        "message": letter.message,
        "fingerprint": letter.fingerprint,
        "generation": letter.generation,
        "delivery_count": letter.delivery_count,
        "first_time": letter.first_time,
        "time": letter.time,
        "next_attempt": letter.next_attempt if row.status == "scheduled" else None,
        "lead_id": row.lead_id,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "group": letter.group,
        "app_version": letter.app_version,
        "replay_job": letter.replay_job,
        "due": None if row.due_at is None else _moment(row.due_at),
        "edits": letter.edit_number or 0,
        "job": row.job,
    }


def record_as_data(row: LetterRow, *, is_revealed: bool) -> dict[str, Any]:
    """Give the original record; sizes alone unless revealed. Bytes that are no UTF-8 are given as base64."""
    headers = [{"name": name, **_content("value", raw, is_revealed=is_revealed)} for name, raw in row.headers]
    return {
        **_content("key", row.key, is_revealed=is_revealed),
        **_content("value", row.value, is_revealed=is_revealed),
        "sha256": row.letter.value_sha256,
        "headers": headers,
    }


def _content(name: str, raw: bytes | None, *, is_revealed: bool) -> dict[str, Any]:
    if not is_revealed:
        size = None if raw is None else len(raw)
        return {("bytes" if name == "value" else f"{name}_bytes"): size}
    if raw is None:
        return {name: None}
    try:
        return {name: raw.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(raw).decode()}


def _moment(microseconds: int) -> str:
    # By hand: commands load this file early, and no database with it.
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat().replace("+00:00", "Z")
