"""This file is the public contract, written down a second time, so that a product that leaves it is noticed."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from uuid import UUID

NAMESPACE = UUID("6f1f6f0e-5c0b-5d53-9d0c-0f4ac9f5b0a7")
LETTER = "__dlq.errors."
"""What the names of a dead letter's own headers begin with."""

RECEIVED = "leads.received.v1"
VALIDATED = "leads.validated.v1"
REJECTED = "leads.rejected.v1"
MATCHED = "leads.matched.v1"
UPSERTED = "contacts.upserted.v1"
ASSIGNED = "leads.assigned.v1"
WELCOMED = "leads.welcomed.v1"
NOTIFIED = "owners.notified.v1"
REQUESTS = "actions.requests.v1"
LETTERS = "leads.dead-letters.v1"

ACTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    RECEIVED: {"validate-lead": (VALIDATED, REJECTED)},
    VALIDATED: {"find-duplicates": (MATCHED,)},
    MATCHED: {"create-or-update-contact": (UPSERTED,)},
    UPSERTED: {"assign-owner": (ASSIGNED,)},
    ASSIGNED: {"send-welcome-email": (WELCOMED,), "notify-owner": (NOTIFIED,)},
}
"""Which action reads a topic, and on which topics its result may be."""
RESULTS = (VALIDATED, REJECTED, MATCHED, UPSERTED, ASSIGNED, WELCOMED, NOTIFIED)
CONSUMED = (*ACTIONS, REQUESTS, LETTERS)
"""What the consumer group reads."""
TOPICS = (RECEIVED, *RESULTS, REQUESTS, LETTERS)
READS = {action: topic for topic, actions in ACTIONS.items() for action in actions}
STATES = {action: topics for actions in ACTIONS.values() for action, topics in actions.items()}
NAMES = tuple(READS)
"""Every action, in the order of the workflow."""
TYPES = {
    VALIDATED: "crm.lead.validated.v1",
    REJECTED: "crm.lead.rejected.v1",
    MATCHED: "crm.lead.matched.v1",
    UPSERTED: "crm.contact.upserted.v1",
    ASSIGNED: "crm.lead.assigned.v1",
    WELCOMED: "crm.lead.welcomed.v1",
    NOTIFIED: "crm.owner.notified.v1",
}
"""`ce_type` of what each topic of results carries."""
KEY_FIELDS = {topic: "lead_id" if topic == REJECTED else "contact_key" for topic in RESULTS}
"""The member of a result that is its record's key."""

WORKFLOW = "new-lead-onboarding"

DONE, FAILED = 1, 2
"""`ledger.status`."""
INTENT, RELEASED, CALLED = 1, 2, 3
"""`effects.status`."""
OPEN = ("scheduled", "parked", "replaying")
"""`letters.status` of a lead that waits for a retry or a person."""

GONE = ("expired", "erased")
"""`letters.status` of a letter whose record the index does not keep any more."""

Headers = list[tuple[str, bytes | None]]


def derive(*parts: object) -> str:
    """UUIDv5 of the parts as compact JSON, as contracts.md says."""
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    digest = bytearray(hashlib.sha1(NAMESPACE.bytes + text.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return str(UUID(bytes=bytes(digest)))


@lru_cache(maxsize=1 << 16)
def partition_of(key: bytes, partitions: int) -> int:
    """Partition of a key by Kafka's default partitioner, from its Java source; most keys are asked for often."""
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    found = (0x9747B28C ^ len(key)) & mask
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        mixed = int.from_bytes(key[at : at + 4], "little") * multiplier & mask
        mixed = (mixed ^ mixed >> 24) * multiplier & mask
        found = (found * multiplier & mask) ^ mixed
    if rest := key[whole:]:
        found = (found ^ int.from_bytes(rest, "little")) * multiplier & mask
    found = (found ^ found >> 13) * multiplier & mask
    return ((found ^ found >> 15) & 0x7FFFFFFF) % partitions
