"""The demo's sums are right only while all of it agrees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from streams.interfaces.demo.samples import Sample
from streams.interfaces.demo.summary import State, Summary
from streams.operations.verify.findings import Fault, Finding, Findings, Kind
from streams.operations.verify.judge import Verdict

STATE = State(
    received=4,
    waiting={"demo.leads.received.v1": 0},
    actions={},
    letters={"parked": 1, "resolved": 3},
    paused=frozenset(),
    contacts=2,
    mails=2,
    webhooks=2,
)
COUNTS: dict[str, Any] = {
    "received": 4,
    "fates": {"onboarded": 1, "rejected": 1, "letter": 1, "repetition": 1},
    "repetitions": {"onboarded": 1},
}


def sample(kind: str) -> Sample:
    return Sample(None, None, [], "web-form", kind)


def verdict(*kinds: Kind, **counts: object) -> Verdict:
    findings = Findings(limit=20)
    findings.add(Finding(Fault(kind, f"something {kind}", "", ""), {"id": "1"}) for kind in kinds)
    return Verdict(findings, COUNTS | counts)


RIGHT = Summary(
    published=[sample(kind) for kind in ("lead", "repeated", "rejected", "unreadable")],
    left_out=0,
    unreadable={"letter-1": "a key without a value"},
    start=replace(STATE, received=0, letters={}, contacts=0, mails=0, webhooks=0),
    end=STATE,
    known_faults={},
    verdict=verdict(),
    outcomes={},
    owners={},
    letters={"TOMBSTONE": ["letter-1"]},
    mails_late=1,
    seconds=14.0,
)


def test_a_repetition_is_counted_with_the_fate_of_its_event() -> None:
    assert RIGHT.is_right
    assert (RIGHT.fate("onboarded"), RIGHT.fate("rejected"), RIGHT.fate("letter")) == (2, 1, 1)
    assert RIGHT.repeated == 1


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (lambda: replace(RIGHT, published=[*RIGHT.published, sample("lead")]), "published = received"),
        (
            lambda: replace(RIGHT, verdict=verdict(fates={"onboarded": 1, "rejected": 1, "lost": 1})),
            "received = onboarded + rejected + open letters",
        ),
        (
            lambda: replace(RIGHT, verdict=verdict(fates={"onboarded": 2, "letter": 1})),
            "bad leads = rejected",
        ),
        (lambda: replace(RIGHT, letters={}), "unreadable records = their open letters"),
        (lambda: replace(RIGHT, end=replace(STATE, waiting={"demo.leads.assigned.v1": 1})), "nothing waits"),
        (lambda: replace(RIGHT, end=replace(STATE, letters={"scheduled": 1})), "nothing waits"),
        (lambda: replace(RIGHT, verdict=verdict("lost")), "nothing lost"),
        (lambda: replace(RIGHT, verdict=verdict("stuck")), "nothing stuck"),
    ],
)
def test_what_does_not_agree_is_named(wrong: Callable[[], Summary], check: str) -> None:
    names = [each.name for each in wrong().checks if not each.is_right]

    assert names == [check]


def test_only_what_an_earlier_run_had_not_left_counts_as_a_fault_of_this_run() -> None:
    earlier = replace(RIGHT, known_faults={"something lost": 1}, verdict=verdict("lost"))
    more = replace(earlier, verdict=verdict("lost", "lost"))

    assert earlier.is_right
    assert [each.name for each in more.checks if not each.is_right] == ["nothing lost"]
