"""Sums up a demo by the data of `leads status` and `leads verify`, and checks that the numbers agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_origin

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.interfaces.demo.samples import Sample
from streams.operations.verify.findings import KINDS
from streams.operations.verify.judge import Verdict
from streams.store import letters
from streams.store.letters import OPEN, REPLAYING, SCHEDULED
from streams.store.schema import DONE, contacts, ledger
from topics.events import EVENTS


@dataclass(frozen=True, slots=True)
class State:
    """Counts of `leads status`, and of mails and webhooks that arrived."""

    received: int
    """Leads on the public topic."""
    waiting: Mapping[str, int]
    """Records by topic that the group has not settled."""
    actions: Mapping[str, Mapping[str, int]]
    """Executions by action, `done` and `dead_lettered`."""
    letters: Mapping[str, int]
    """Letters by status."""
    paused: frozenset[str]
    """Actions."""
    contacts: int
    mails: int
    webhooks: int

    @property
    def open_letters(self) -> int:
        """Letters that wait for a person or a retry."""
        return sum(self.letters.get(status, 0) for status in OPEN)

    @property
    def retried(self) -> int:
        """Letters that workers retry automatically."""
        return self.letters.get(SCHEDULED, 0) + self.letters.get(REPLAYING, 0)

    @property
    def unfinished(self) -> int:
        """Records and letters that a worker still has to process."""
        return sum(self.waiting.values()) + self.retried

    def done(self, action: str) -> int:
        """Return how many results an action has."""
        return self.actions.get(action, {}).get("done", 0)


_OUTCOMES: Mapping[str, str | None] = {
    event.type: next(
        (name for name, field in event.model_fields.items() if get_origin(field.annotation) is Literal), None
    )
    for event in EVENTS
}
"""First field with a closed list of values, by event type."""


def outcomes(connection: Connection) -> dict[str, Counter[str]]:
    """Count the results in the ledger by action and outcome; skipped ones by their reason."""
    counts: dict[str, Counter[str]] = {}
    query = sa.select(ledger.c.action, ledger.c.result_type, ledger.c.result).where(ledger.c.status == DONE)
    for action, result_type, result in connection.execute(query):
        outcome = result_type
        if (name := _OUTCOMES.get(result_type)) is not None:
            body = orjson.loads(result)
            outcome = (body[name] == "skipped" and body.get("reason")) or body[name]
        counts.setdefault(action, Counter())[outcome] += 1
    return counts


def owners(connection: Connection) -> dict[str, int]:
    """Count the contacts of each owner."""
    owner = sa.func.coalesce(contacts.c.owner_id, "nobody")
    query = sa.select(owner, sa.func.count()).group_by(owner).order_by(owner)
    return {row[0]: row[1] for row in connection.execute(query)}


def open_letters(connection: Connection, ids: Collection[str]) -> dict[str, list[str]]:
    """Return which of these letters are open, by code."""
    found = [row.letter for row in letters.get(connection, list(ids)) if row.status in OPEN]
    return {
        code: [letter.id for letter in found if letter.code == code]
        for code in sorted({letter.code for letter in found})
    }


def faults(verdict: Verdict) -> dict[str, int]:
    """Return how often a verdict has each fault, without those that a running worker repairs."""
    return {
        tally.fault.what: tally.count
        for kind in KINDS
        if kind != "stuck"
        for tally in verdict.findings.of(kind)
    }


@dataclass(frozen=True, slots=True)
class Check:
    """The same number from two places."""

    name: str
    one: int
    other: int
    places: str
    """Where the numbers come from."""

    @property
    def is_right(self) -> bool:
        """Whether they agree."""
        return self.one == self.other


@dataclass(frozen=True, slots=True)
class Summary:
    """One run of the demo. Fates and letters cover the records of this run; everything else covers all runs."""

    published: Sequence[Sample]
    left_out: int
    """Plain leads of an earlier run, which were not published again."""
    unreadable: Mapping[str, str]
    """Ids that the letters of the unreadable records must have, each with the record's defect."""
    start: State
    end: State
    known_faults: Mapping[str, int]
    """How often `leads verify` had found each fault before this run."""
    verdict: Verdict
    outcomes: Mapping[str, Mapping[str, int]]
    owners: Mapping[str, int]
    letters: Mapping[str, Sequence[str]]
    """Ids of the unreadable records' open letters, by code."""
    mails_late: int
    """Mails that went out after the outage."""
    seconds: float

    @property
    def received(self) -> int:
        """Leads that Kafka took from this run."""
        return int(self.verdict.counts["received"])

    def fate(self, fate: str) -> int:
        """Return how many leads have a fate: `onboarded`, `rejected` or `letter`. Repetitions count as their event."""
        return int(sum(self.verdict.counts[name].get(fate, 0) for name in ("fates", "repetitions")))

    @property
    def repeated(self) -> int:
        """Leads that repeat an event; the ledger answered them and nothing was done again."""
        return sum(self.verdict.counts["repetitions"].values())

    @property
    def sources(self) -> dict[str, int]:
        """Number of samples by source, the most frequent first."""
        return dict(Counter(sample.source for sample in self.published).most_common())

    @property
    def checks(self) -> list[Check]:
        """All pairs of numbers that must agree."""
        ended = sum(self.fate(fate) for fate in ("onboarded", "rejected", "letter"))
        bad = sum(1 for sample in self.published if sample.kind == "rejected")
        found = sum(map(len, self.letters.values()))
        verify = "leads verify"
        checks = [
            Check("published = received", len(self.published), self.received, f"demo, {verify}"),
            Check("received = onboarded + rejected + open letters", self.received, ended, verify),
            Check("bad leads = rejected", bad, self.fate("rejected"), f"demo, {verify}"),
            Check(
                "unreadable records = their open letters", len(self.unreadable), found, "demo, dead letters"
            ),
            Check("nothing waits", self.end.unfinished, 0, "leads status"),
        ]
        for kind in KINDS:
            tallies = self.verdict.findings.of(kind)
            new = (tally.count - self.known_faults.get(tally.fault.what, 0) for tally in tallies)
            checks.append(Check(f"nothing {kind}", sum(max(count, 0) for count in new), 0, verify))
        return checks

    @property
    def is_right(self) -> bool:
        """Whether everything agrees."""
        return all(check.is_right for check in self.checks)

    def as_data(self) -> dict[str, Any]:
        """Return the summary as JSON."""
        return {
            "is_right": self.is_right,
            "received": self.received,
            "onboarded": self.fate("onboarded"),
            "rejected": self.fate("rejected"),
            "open_letters": self.fate("letter"),
            "waiting": self.end.unfinished,
            "repeated": self.repeated,
            "left_out": self.left_out,
            "contacts": self.end.contacts,
            "contacts_new": self.end.contacts - self.start.contacts,
            "mails": self.end.mails - self.start.mails,
            "mails_after_the_outage": self.mails_late,
            "webhooks": self.end.webhooks - self.start.webhooks,
            "owners": dict(self.owners),
            "results": {action: dict(counts) for action, counts in self.outcomes.items()},
            "letters_by_code": {code: len(ids) for code, ids in self.letters.items()},
            "open_letters_of_all_runs": self.end.open_letters,
            "sources": self.sources,
            "checks": [asdict(check) | {"is_right": check.is_right} for check in self.checks],
            "faults": self.verdict.as_data()["found"],
            "seconds": round(self.seconds, 1),
        }
