"""The numbered events and leads to measure with, the same in every run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

EVENT_BYTES = 588
"""Size of a pass-through event's value: that of a lead as web forms send it."""
EVENTS_PER_KEY = 5
"""Onboarding states five facts per contact key."""
REPEATED = 10
"""One lead in so many is of a person who came before."""
LIVE, LATE = "lead-", "late-"
"""How the ids of leads begin that are measured, and of those that became dead letters before."""

_NUMBER = slice(len(b'{"seq":"'), len(b'{"seq":"') + 9)
_PERSON = {
    "company": "Example Trading GmbH",
    "country": "DE",
    "city": "Berlin",
    "language": "de",
    "source": "web-form",
    "message": "Please call me back about the annual plan; mornings are best, and thank you for the brochure.",
}


def event(number: int) -> tuple[bytes, bytes]:
    """Key and value of a pass-through event."""
    value = {"seq": f"{number:09d}", "email": f"person{number}@example.com", **_PERSON}
    value["attributes"] = "x" * (EVENT_BYTES - len(orjson.dumps(value | {"attributes": ""})))
    return f"contact-{number // EVENTS_PER_KEY:08d}".encode(), orjson.dumps(value)


def number_of(value: bytes) -> int:
    """Sequence number of a pass-through event. Raises ValueError when it is none."""
    return int(value[_NUMBER])


def people_of(leads: int) -> int:
    """How many different people stand behind so many leads."""
    return leads - leads // REPEATED


def leads(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of leads as another service would publish them, plain JSON: the last tenth are known people."""
    people = people_of(count)
    for number in range(count):
        person = number % people
        yield _lead(f"{LIVE}{number}", "Person", person, 1_000_000 + person)


def late_leads(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of leads whose last calls are to fail: each a person of its own, none of those of `leads`."""
    for number in range(count):
        yield _lead(f"{LATE}{number}", "Late", number, 5_000_000 + number)


def _lead(lead_id: str, who: str, number: int, phone: int) -> tuple[bytes, bytes]:
    body: dict[str, Any] = {
        "lead_id": lead_id,
        "email": f"{who.lower()}{number}@example.com",
        "phone": f"+49 30 {phone}",
        "name": f"{who} {number}",
        **_PERSON,
    }
    return lead_id.encode(), orjson.dumps(body)
