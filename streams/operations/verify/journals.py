"""This file reads what arrived outside: JSON Lines of a mail server and of a webhook's receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streams.operations.verify.evidence import Mail, Webhook
from streams.operations.verify.logs import CannotLookError
from streams.operations.verify.rows import put_mails, put_webhooks
from streams.operations.verify.scratch import Scratch


def read_mails(scratch: Scratch, path: Path) -> None:
    """Take lines with `to` (list of addresses) and `message_id`. Raises `OSError` or `CannotLookError`."""
    put_mails(
        scratch, (Mail(tuple(line["to"]), line["message_id"]) for line in _lines(path, "to", "message_id"))
    )


def read_webhooks(scratch: Scratch, path: Path) -> None:
    """Take lines with `webhook_id` and `lead_id`. Raises `OSError` or `CannotLookError`."""
    put_webhooks(
        scratch,
        (Webhook(line["webhook_id"], line["lead_id"]) for line in _lines(path, "webhook_id", "lead_id")),
    )


def _lines(path: Path, *names: str) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return  # half a line was never acknowledged to anybody
            try:
                found = json.loads(line)
            except ValueError:
                found = None
            if not isinstance(found, dict) or not found.keys() >= set(names):
                raise CannotLookError(
                    f"{path}, line {number}: this is no JSON object with {' and '.join(names)}"
                )
            yield found
