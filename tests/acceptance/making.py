"""Makes leads as other systems publish them: several modes, known contacts, repeated events, bad records."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random

from tests.acceptance.stage import Published

FIRST = ("Ana", "Björn", "Chloé", "Dmitri", "Eoin", "Fatma", "Giulia", "Hana")
LAST = ("Sørensen", "Müller", "O'Neill", "García", "Ivanova", "Yılmaz", "Nowak", "Tanaka")


def event_headers(event_id: str, **attributes: str) -> list[tuple[str, bytes | None]]:
    """Return the binary-mode headers of a lead event."""
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


def person(number: int) -> dict[str, object]:
    """Return the lead of a person that no other number has."""
    first, last = FIRST[number % len(FIRST)], LAST[number // len(FIRST) % len(LAST)]
    return {
        "email": f"person{number}@customer.example",
        "phone": f"+49 30 {2000000 + number}",
        "name": f"{first} {last}",
        "company": f"Company {number % 50} GmbH",
        "country": "Germany",
        "source": "web-form",
        "message": "Please call me back.",
    }


def as_event(number: int, lead: dict[str, object]) -> Published:
    """Return a binary-mode CloudEvent with the id `e-<number>`."""
    body = json.dumps({**lead, "lead_id": f"lead-{number}"}).encode()
    return Published(body, f"lead-{number}".encode(), event_headers(f"e-{number}"))


@dataclass(slots=True)
class Mixture:
    """Leads of every kind and the results they must have."""

    records: list[Published] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    """Each gets one welcome and one contact."""
    phones: list[str] = field(default_factory=list)
    """Each gets one contact and no welcome: these leads have no e-mail."""
    rejected: int = 0
    poison: int = 0
    repetitions: int = 0


def mixture(count: int, random: Random) -> Mixture:
    """Make `count` records: about 70 % new people, the rest second leads, repetitions, phone only, rejected, poison."""
    made = Mixture()
    events: list[tuple[int, dict[str, object]]] = []
    for number in range(count):
        kind = random.random()
        lead = person(number)
        if kind < 0.02:
            made.records.append(Published(b'{"email": "cut off', b"poison"))
            made.poison += 1
            continue
        if kind < 0.05:
            nobody = {**lead, "email": "no address at all", "phone": "none"}
            made.records.append(as_event(number, nobody))
            made.rejected += 1
            continue
        if kind < 0.09 and events:
            again, same = random.choice(events)
            # The same event, its JSON rewritten: the same members in another order.
            made.records.append(as_event(again, dict(reversed(same.items()))))
            made.repetitions += 1
            continue
        if kind < 0.14:
            del lead["email"]
            made.phones.append(str(lead["phone"]).replace(" ", ""))
        elif kind < 0.25 and made.emails:
            lead["email"] = random.choice(made.emails).upper()  # a known contact in another spelling
        else:
            made.emails.append(str(lead["email"]))
        if kind < 0.35:
            made.records.append(Published(json.dumps(lead).encode()))  # plain JSON, without key
            continue
        events.append((number, lead))
        made.records.append(as_event(number, lead))
    return made
