"""This file turns rows of the product's tables, mails and webhook calls into rows of the scratch database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from streams.operations.verify.contract import GONE, NAMES
from streams.operations.verify.evidence import ContactRow, EffectRow, LedgerRow, LetterRow, Mail, Webhook
from streams.operations.verify.field_history import times_of
from streams.operations.verify.intake import fingerprint, id_bytes
from streams.operations.verify.scratch import Scratch, number

Row = TypeVar("Row")
AT_ONCE = 5_000


def put_ledger(scratch: Scratch, rows: Iterable[LedgerRow]) -> None:
    """Take the ledger; of a result only its hash."""
    for some in _chunks(rows):
        scratch.insert(
            "ledger",
            [
                (
                    id_bytes(row.id),
                    number(NAMES, row.action),
                    row.status,
                    fingerprint(None, row.result, [])[8:16],
                    row.done_at,
                )
                for row in some
            ],
        )


def put_contacts(scratch: Scratch, rows: Iterable[ContactRow]) -> None:
    """Take the contacts; e-mail and phone as keyed hashes."""
    for some in _chunks(rows):
        scratch.insert(
            "contacts",
            [
                (
                    row.contact_id,
                    row.contact_key,
                    scratch.hide(None if row.email is None else row.email.lower()),
                    scratch.hide(row.phone),
                    row.owner_id,
                    row.revision,
                )
                for row in some
            ],
        )
        times = [
            (row.contact_key, name, moment) for row in some for name, moment in times_of(row.fields).items()
        ]
        scratch.insert("times", times)


def put_effects(scratch: Scratch, rows: Iterable[EffectRow]) -> None:
    """Take intents and outcomes."""
    for some in _chunks(rows):
        scratch.insert(
            "effects", [(row.key, id_bytes(row.ledger_id), row.status, row.changed_at) for row in some]
        )


def put_letters(scratch: Scratch, rows: Iterable[LetterRow]) -> None:
    """Take the index of dead letters; of the original records only hashes."""
    for some in _chunks(rows):
        scratch.insert(
            "indexed",
            [
                (
                    row.id,
                    number(NAMES, row.action),
                    row.status,
                    row.generation,
                    row.due_at,
                    row.indexed_at,
                    None if row.status in GONE else fingerprint(row.key, row.value, row.headers),
                )
                for row in some
            ],
        )


def put_mails(scratch: Scratch, mails: Iterable[Mail]) -> None:
    """Take what the mail server has; recipients as keyed hashes."""
    for some in _chunks(mails):
        scratch.insert("mails", [(mail.message_id,) for mail in some])
        scratch.insert(
            "mailed", [(mail.message_id, scratch.hide(to.lower())) for mail in some for to in mail.to]
        )


def put_webhooks(scratch: Scratch, hooks: Iterable[Webhook]) -> None:
    """Take what the webhook's receiver has; leads as keyed hashes."""
    for some in _chunks(hooks):
        scratch.insert("hooks", [(hook.webhook_id, scratch.hide(hook.lead_id)) for hook in some])


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rest = iter(rows)
    while some := list(islice(rest, AT_ONCE)):
        yield some
