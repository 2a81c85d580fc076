"""Makes the records of the demo: the same ones every time, so that a second run repeats the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Literal

import orjson

from streams.interfaces.demo.bad_records import UNREADABLE, rejected_lead
from streams.interfaces.demo.people import People, Person
from topics import ids
from topics.envelope import Headers, timestamp
from topics.events import LeadReceived

SEED = 20261123
MIN_RECORDS = 60
BEGAN = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
"""Time of the first lead; the others follow minutes apart."""
SOURCES = {
    "web-form": "/web/forms",
    "google-ads": "/ads/google",
    "fair-2026": "/fairs/2026",
    "partner-csv": "/partners/csv",
    "newsletter": "/web/newsletter",
}
_WEIGHTS = (10, 6, 5, 4, 3)
_MESSAGES = (
    "Please call me back about a quote.",
    "We met at your stand; can you send the slides?",
    "Interested in the yearly plan for 25 people.",
    "Does it work with our CRM?",
    "¿Tienen soporte en español?",
    "見積もりをお願いします。",
)

Mode = Literal["binary", "structured", "plain"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One record to publish."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    source: str
    """The lead's field `source`: `web-form`, …"""
    kind: str
    """`lead`, `duplicate`, `update`, `older`, `repeated`, `plain`, `rejected` or `unreadable`."""
    identity: tuple[str, str] | None = None
    """Its `ce_source` and `ce_id`; None when they are missing or unreadable."""
    lead_id: str | None = None
    defect: str = ""
    """What makes it unreadable."""


def make_samples(count: int) -> list[Sample]:
    """Return `count` records (at least `MIN_RECORDS`) in the order in which they are published."""
    return _SampleMaker(max(count, MIN_RECORDS)).records()


class _SampleMaker:
    def __init__(self, count: int) -> None:
        self._count = count
        self._random = Random(SEED)  # noqa: S311 - the same leads every time are the point
        self._people = People(self._random)
        self._number = 0
        self._persons = 0

    def records(self) -> list[Sample]:
        unreadable = [defect for defect in UNREADABLE for _ in range(max(1, round(self._count / 200)))]
        rejected = range(5 * max(1, round(self._count / 100)))
        repeated = max(2, self._count // 50)
        random = self._random
        leads = self._leads(self._count - len(unreadable) - len(rejected) - repeated)
        records = leads.copy()
        for number in rejected:
            records.insert(random.randrange(len(records)), self._rejected(number))
        again = random.sample([lead for lead in leads if lead.identity is not None], repeated)
        for lead in again:
            self._after(records, lead, replace(lead, kind="repeated"))
        for defect in unreadable:
            original = random.choice([lead for lead in leads if lead.kind == "lead" and lead.identity])
            sample = UNREADABLE[defect](self._sample, original, random)
            self._after(records, original, replace(sample, defect=defect))
        return records

    def _after(self, records: list[Sample], first: Sample, then: Sample) -> None:
        at = next(index for index, record in enumerate(records) if record is first)
        records.insert(self._random.randrange(at + 1, len(records) + 1), then)

    def _leads(self, count: int) -> list[Sample]:
        records: list[Sample] = []
        while len(records) < count:
            for sample in self._of(self._people.next()):
                if len(records) == count:
                    break
                # Later leads of a person come some time after the first, not directly after it.
                at = len(records) if sample.kind in ("lead", "plain", "update") else None
                records.insert(
                    self._random.randrange(len(records) * 2 // 3, len(records) + 1) if at is None else at,
                    sample,
                )
        return records

    def _of(self, person: Person) -> Iterator[Sample]:
        random = self._random
        chance = random.random()
        first = self._body(person)
        if chance < 0.05:  # noqa: PLR2004 - one in twenty leaves a phone alone
            first.pop("email")
            first["phone"] = person.phone_as(random.randrange(4))
        self._persons += 1
        if self._persons % 20 == 7:  # noqa: PLR2004 - some write with a console producer: JSON, no id
            yield self._sample(first, "plain", "plain")
            return
        yield self._sample(first, "lead", "binary")
        if 0.05 <= chance < 0.25:  # noqa: PLR2004 - one in five writes again, in another spelling
            again = self._body(person) | {"email": person.email_as(random.randrange(4))}
            again["phone"] = person.phone_as(random.randrange(4))
            yield self._sample(again, "duplicate", random.choice(("binary", "structured")))
        elif 0.25 <= chance < 0.33:  # noqa: PLR2004 - one in twelve changes jobs, and the older lead arrives last
            newer = self._body(person) | {"job_title": "Managing Director"}
            older = self._body(person) | {"job_title": "Assistant"}
            yield self._sample(newer, "update", "binary", later=timedelta(days=3))
            yield self._sample(older, "older", "structured", later=timedelta(days=2))

    def _body(self, person: Person) -> dict[str, Any]:
        random = self._random
        source = random.choices(list(SOURCES), _WEIGHTS)[0]
        body: dict[str, Any] = {
            "email": person.email,
            "company": person.company,
            "country": random.choice(person.country.spellings),
            "city": person.city,
            "language": person.country.language,
            "source": source,
        }
        if source in ("fair-2026", "partner-csv"):
            body |= {"first_name": person.first, "last_name": person.last, "job_title": person.job}
        else:
            body["name"] = f"{person.first} {person.last}"
        if random.random() < 0.6:  # noqa: PLR2004 - most leave a phone number
            body["phone"] = person.phone_as(random.randrange(4))
        if source == "google-ads":
            body["campaign"] = (
                f"autumn-{random.randrange(1, 4)}"  # not in the contract: kept under attributes
            )
        if source in ("web-form", "newsletter"):
            body["consent"] = {"marketing": random.random() < 0.5, "time": timestamp(BEGAN)}  # noqa: PLR2004
        if random.random() < 0.4:  # noqa: PLR2004
            body["message"] = random.choice(_MESSAGES)
        return body

    def _rejected(self, number: int) -> Sample:
        return self._sample(rejected_lead(self._body(self._people.next()), number), "rejected", "binary")

    def _sample(
        self, body: dict[str, Any], kind: str, mode: Mode, *, later: timedelta = timedelta()
    ) -> Sample:
        self._number += 1
        source = str(body["source"])
        # The content is part of the ids: a later version of the demo makes other events, not reused ids.
        event_id = ids.derive_text("demo", self._number, body)
        lead_id = f"{source}-{self._number:03}-{event_id[:4]}"
        body = {"lead_id": lead_id, **body}
        moment = timestamp(BEGAN + timedelta(minutes=7 * self._number) + later)
        attributes = {
            "specversion": "1.0",
            "id": event_id,
            "source": SOURCES[source],
            "type": LeadReceived.type,
            "subject": f"lead/{lead_id}",
            "time": moment,
        }
        key = lead_id.encode()
        if mode == "plain":
            return Sample(key, orjson.dumps(body), [], source, kind, None, lead_id)
        identity = (attributes["source"], event_id)
        if mode == "structured":
            content: Headers = [("content-type", b"application/cloudevents+json")]
            whole = {**attributes, "datacontenttype": "application/json", "data": body}
            return Sample(key, orjson.dumps(whole), content, source, kind, identity, lead_id)
        headers: Headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
        headers.append(("content-type", b"application/json"))
        return Sample(key, orjson.dumps(body), headers, source, kind, identity, lead_id)
