"""Reads the journals of the mail server and of the webhook's receiver (JSON Lines) into the scratch database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from streams.operations.verify.contract import hook_id, mail_id
from streams.operations.verify.evidence import Mail, Webhook
from streams.operations.verify.logs import CannotLookError
from streams.operations.verify.scratch import Scratch
from streams.operations.verify.tables import batched


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


def put_mails(scratch: Scratch, mails: Iterable[Mail]) -> None:
    """Store the mail server's mails; recipients as keyed hashes."""
    for some in batched(mails):
        scratch.insert("mails", [(mail.message_id, mail_id(mail.message_id)) for mail in some])
        scratch.insert(
            "mailed", [(mail.message_id, scratch.hide(to.lower())) for mail in some for to in mail.to]
        )


def put_webhooks(scratch: Scratch, hooks: Iterable[Webhook]) -> None:
    """Store the receiver's webhook calls; leads as keyed hashes."""
    for some in batched(hooks):
        scratch.insert(
            "hooks",
            [(hook.webhook_id, hook_id(hook.webhook_id), scratch.hide(hook.lead_id)) for hook in some],
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
                    f"{path}, line {number}: this is not a JSON object with {' and '.join(names)}"
                )
            yield found
