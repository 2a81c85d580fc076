"""This file counts and names what cannot be known: calls that were cut off before their outcome was written."""

from __future__ import annotations

from typing import Any

from tests.checker.evidence import INTENT
from tests.checker.seen import Seen

Finding = dict[str, Any]


def uncertain(seen: Seen) -> list[Finding]:
    """Name each uncertain call: the lead, the letter, and (what only this outside view knows) whether it arrived."""
    recipients = {to.lower() for mail in seen.evidence.mails for to in mail.to}
    contacts = {contact.contact_key: contact for contact in seen.evidence.contacts}
    found: list[Finding] = []
    held = set()
    for effect in seen.evidence.effects:
        if effect.status != INTENT:
            continue
        kind, _, key = effect.key.partition(":")
        letters = [
            letter for step in seen.expected.get(effect.ledger_id, []) if (letter := seen.letter_of(step))
        ]
        held |= {letter.id for letter in letters}
        contact = contacts.get(key)
        found.append(
            {
                "what": kind,
                "contact": contact.contact_id if contact else None,
                "letter": letters[0].id if letters else None,
                "is_at_mail_server": contact.email in recipients if contact and kind == "welcome" else None,
            }
        )
    found += [
        {"what": letter.action, "contact": None, "letter": letter.id, "is_at_mail_server": None}
        for letter in seen.letters.values()
        if letter.failure_class == "uncertain" and letter.is_open and letter.id not in held
    ]
    return found
