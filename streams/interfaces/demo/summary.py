"""This file adds up what a demo did: every number from two places that do not know of each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from streams.interfaces.demo.totals import Told, Totals
from streams.interfaces.demo.watching import Fate


@dataclass(frozen=True, slots=True)
class Check:
    """One sum: what was counted in one place, and what in the other."""

    name: str
    one: int
    other: int
    places: str
    """Where the two numbers are from."""

    @property
    def is_right(self) -> bool:
        """Whether they agree."""
        return self.one == self.other


@dataclass(frozen=True, slots=True)
class Outside:
    """What the mail server and the webhook receiver wrote down during this run, and what the ledger says."""

    mails: Sequence[str]
    """Message-IDs."""
    mails_sent: Sequence[str]
    hooks: Sequence[str]
    """Idempotency keys."""
    hooks_sent: Sequence[str]
    mails_ever: Sequence[str]


@dataclass(frozen=True, slots=True)
class Counted:
    """Everything that was counted."""

    published: int
    received_by_broker: int
    fates_in_topics: Mapping[Fate, int]
    books: Totals
    created: int
    """Contacts that the ledger says were made in this run."""
    outside: Outside
    known_before: int
    """Events among the published that were onboarded or rejected by an earlier run."""
    left_out: int
    """Plain leads that were not published, as they have no id and would be new leads."""
    newest: int
    mails_late: int
    """Sent after the mail server was back."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Code:
    """Open letters of one code."""

    code: str
    letters: int
    example: str
    """A letter id."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is told at the end."""

    counted: Counted
    checks: Sequence[Check]
    fates: Mapping[Fate, int]
    sources: Mapping[str, Mapping[Fate, int]]
    codes: Sequence[Code]
    repeated: int
    """Published events that were the same event once more: answered from the ledger, nothing was done again."""

    @property
    def is_right(self) -> bool:
        """Whether everything adds up."""
        return all(check.is_right for check in self.checks)


def add_up(counted: Counted) -> Summary:
    """Compare the counts."""
    told = counted.books.told
    fates: Counter[Fate] = Counter(item.fate for item in told)
    return Summary(
        counted=counted,
        checks=_checks(counted, fates),
        fates=fates,
        sources=_by_source(told),
        codes=_by_code(told),
        repeated=_repeated(told) + counted.known_before,
    )


def _checks(counted: Counted, fates: Mapping[Fate, int]) -> list[Check]:
    books, outside = counted.books, counted.outside
    topics = counted.fates_in_topics
    ended = fates.get("onboarded", 0) + fates.get("rejected", 0) + fates.get("letter", 0)
    sql = "SQL, topics"
    new = books.contacts_after - books.contacts_before
    return [
        Check("published = received", counted.published, counted.received_by_broker, "published, Kafka offsets"),
        Check("received = onboarded + rejected + open letters", counted.received_by_broker, ended, "offsets, SQL"),
        *(
            Check(name, fates.get(fate, 0), topics.get(fate, 0), sql)
            for name, fate in _FATES
        ),
        Check("nothing left to do", fates.get("waiting", 0) + books.waiting, 0, "SQL"),
        Check("mails sent = mails at the mail server", len(outside.mails_sent), len(outside.mails), "SQL, server"),
        Check("no mail twice", len(outside.mails_ever), len(set(outside.mails_ever)), "server, all runs"),
        Check("the same mails", len(set(outside.mails_sent) ^ set(outside.mails)), 0, "SQL, server"),
        Check("notices sent = webhooks received", len(outside.hooks_sent), len(set(outside.hooks)), "SQL, receiver"),
        Check("contacts made = new contacts", counted.created, new, "ledger, contacts"),
        Check("every contact has an owner", books.contacts - books.owners.get("nobody", 0), books.contacts, "SQL"),
        Check("no older update won", books.kept_newest, counted.newest, "contacts, published"),
    ]  # fmt: skip


_FATES: tuple[tuple[str, Fate], ...] = (
    ("onboarded", "onboarded"),
    ("rejected", "rejected"),
    ("open letters", "letter"),
)


def _by_source(told: Sequence[Told]) -> dict[str, Counter[Fate]]:
    found: dict[str, Counter[Fate]] = {}
    for item in told:
        found.setdefault(item.record.sample.source, Counter())[item.fate] += 1
    return dict(sorted(found.items(), key=lambda pair: -pair[1].total()))


def _by_code(told: Sequence[Told]) -> list[Code]:
    found: dict[str, list[str]] = {}
    for item in told:
        if item.fate == "letter" and item.letter is not None:
            found.setdefault(item.letter.letter.code, []).append(item.letter.letter.id)
    return [Code(code, len(ids), ids[0]) for code, ids in sorted(found.items())]


def _repeated(told: Sequence[Told]) -> int:
    """Count events that this run published more than once."""
    times = Counter(item.record.identity for item in told if item.record.sample.identity is not None)
    return sum(times.values()) - len(times)


def as_data(summary: Summary) -> dict[str, Any]:
    """Give the summary as JSON has it."""
    counted, books = summary.counted, summary.counted.books
    return {
        "is_right": summary.is_right,
        "received": counted.received_by_broker,
        "onboarded": summary.fates.get("onboarded", 0),
        "rejected": summary.fates.get("rejected", 0),
        "open_letters": summary.fates.get("letter", 0),
        "waiting": summary.fates.get("waiting", 0),
        "repeated": summary.repeated,
        "left_out": counted.left_out,
        "contacts": books.contacts,
        "contacts_new": books.contacts_after - books.contacts_before,
        "mails": len(counted.outside.mails),
        "mails_after_the_outage": counted.mails_late,
        "webhooks": len(counted.outside.hooks),
        "owners": dict(books.owners),
        "results": {action: dict(outcomes) for action, outcomes in books.results.items()},
        "letters_by_code": {code.code: code.letters for code in summary.codes},
        "open_letters_of_all_runs": books.open_letters,
        "sources": {source: dict(fates) for source, fates in summary.sources.items()},
        "checks": [asdict(check) | {"is_right": check.is_right} for check in summary.checks],
        "seconds": round(counted.seconds, 1),
    }
