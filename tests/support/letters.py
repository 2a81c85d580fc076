"""Dead letters for tests: rows of the index with plausible fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from streams.store.letters import PARKED, SCHEDULED, LetterRow
from topics.envelope import timestamp
from topics.letter import DeadLetter, sha256_of

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
BODY = b'{"email": "ada@b.example", "country": "??"}'


def row(number: int, *, age: timedelta = DAY, status: str = PARKED, **fields: Any) -> LetterRow:  # noqa: ANN401
    """Return a letter that failed `age` before `NOW`; `fields` are fields of the letter, and `lead` and `key`."""
    lead, key = fields.pop("lead", f"lead-{number}"), fields.pop("key", b"key")
    moment = timestamp(NOW - age)
    letter: dict[str, Any] = {
        "topic": "crm.leads.received.v1",
        "partition": 0,
        "offset": number,
        "timestamp": 0,
        "group": "leads",
        "delivery_count": 1,
        "message": "It failed.",
        "id": f"{number:08x}-0000-5000-8000-000000000000",
        "generation": 0,
        "time": moment,
        "first_time": moment,
        "action": "validate-lead",
        "action_version": 1,
        "stage": "decode",
        "failure_class": "poison",
        "code": "NOT_JSON",
        "fingerprint": "a" * 12,
        "app_version": "1.0",
        **fields,
    }
    return LetterRow(status, None, DeadLetter(**letter), lead, key, b"{}", [])


def lettered(number: int, value: bytes = BODY, status: str = "parked", generation: int = 0) -> LetterRow:
    """Return a letter with this value, its SHA-256, and the headers of a binary event."""
    bare = row(number, status=status, generation=generation, value_sha256=sha256_of(value))
    return LetterRow(bare.status, None, bare.letter, bare.lead_id, bare.key, value, [("ce_id", b"e-1")])


MAIL: dict[str, Any] = {
    "action": "send-welcome-email",
    "code": "SMTP_REFUSED",
    "failure_class": "rejected",
    "fingerprint": "b" * 12,
}
ROWS = (
    row(1, age=3 * DAY),
    row(2, age=DAY / 2, key=b"\xffother", lead=None),
    row(3, age=DAY / 4, **MAIL),
    row(4, age=DAY / 8, status=SCHEDULED, generation=2, app_version="2.0", **MAIL),
    row(5, age=5 * DAY, status="resolved"),
)
"""Two letters of one poison record's cause, two of one mail's cause, and a resolved one."""
