"""This file states the verdict: lost, doubled, torn, altered, uncertain, with the offending places and ids."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.checker.doubled import doubled, repeated_webhooks
from tests.checker.evidence import NOTIFIED, RECEIVED, REJECTED, RESULTS, WELCOMED, Evidence, Record, derive
from tests.checker.letters import altered
from tests.checker.seen import Seen, Step, see, unread
from tests.checker.torn import torn
from tests.checker.uncertain import uncertain

Finding = dict[str, Any]
"""`what` is wrong, in words, and where: places, ids."""


@dataclass(slots=True)
class Verdict:
    """What the checker says."""

    counts: dict[str, Any] = field(default_factory=dict)
    lost: list[Finding] = field(default_factory=list)
    doubled: list[Finding] = field(default_factory=list)
    torn: list[Finding] = field(default_factory=list)
    altered: list[Finding] = field(default_factory=list)
    """Letters that are not, byte for byte, the record that failed."""
    uncertain: list[Finding] = field(default_factory=list)
    """Mails of which nobody can say whether they are out; honest, hence no fault."""
    repeated_webhooks: list[Finding] = field(default_factory=list)
    """Calls made again with the same key, which the receiver drops by it; no fault either."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.torn or self.altered)

    def as_data(self) -> dict[str, Any]:
        """Everything as JSON."""
        return {
            "is_clean": self.is_clean,
            "counts": self.counts,
            "lost": self.lost,
            "doubled": self.doubled,
            "torn": self.torn,
            "altered": self.altered,
            "uncertain": self.uncertain,
            "repeated_webhooks": self.repeated_webhooks,
        }


def judge(evidence: Evidence) -> Verdict:
    """Judge the evidence."""
    seen = see(evidence)
    lost_runs: dict[str, Finding] = {}
    verdict = Verdict()
    for step in seen.steps:
        if _is_lost(seen, step):
            finding = {"what": f"{step.action} left no result and no letter", "record": step.record.place}
            run = step.record.header("ce_correlationid") or step.record.place
            lost_runs[run] = finding
            verdict.lost.append(finding)
    fates = Counter(_fates(seen, lost_runs))
    verdict.doubled = doubled(seen)
    verdict.torn = torn(seen)
    verdict.altered = altered(seen)
    verdict.uncertain = uncertain(seen)
    verdict.repeated_webhooks = repeated_webhooks(seen)
    verdict.counts = {
        "received": len(evidence.records.get(RECEIVED, [])),
        "fates": dict(sorted(fates.items())),
        "results": {
            topic: len({r.header("ce_id") for r in evidence.records.get(topic, [])}) for topic in RESULTS
        },
        "results_with_copies": {topic: len(evidence.records.get(topic, [])) for topic in RESULTS},
        "letters": dict(Counter(f"{letter.code} {letter.status}" for letter in seen.letters.values())),
        "unread": unread(evidence),
        "contacts": len(evidence.contacts),
        "mails": len(evidence.mails),
        "webhooks": len({hook.webhook_id for hook in evidence.webhooks}),
    }
    return verdict


def _is_lost(seen: Seen, step: Step) -> bool:
    if seen.evidence.is_unread(step.record) or seen.results_of(step):
        return False
    letter = seen.letter_of(step)
    return letter is None or letter.status == "resolved"  # a resolved letter has a result, and there is none


def _fates(seen: Seen, lost_runs: dict[str, Finding]) -> list[str]:
    """Give one fate per received record: their sum is what was received."""
    runs: dict[str, set[str]] = {}
    for topic in RESULTS:
        for record in seen.evidence.records.get(topic, []):
            runs.setdefault(record.header("ce_correlationid") or "", set()).add(topic)
    lettered = {
        letter.record.header("ce_correlationid") for letter in seen.letters.values() if letter.is_open
    }
    known: set[str] = set()
    received = [step for step in seen.steps if step.record.topic == RECEIVED]
    return [_fate(seen, step, runs, lettered, known, lost_runs) for step in received]


def _fate(  # noqa: PLR0911 - one line per fate there is
    seen: Seen,
    step: Step,
    runs: dict[str, set[str]],
    lettered: set[str | None],
    known: set[str],
    lost_runs: dict[str, Finding],
) -> str:
    letter = seen.by_place.get((step.action, step.record.place))
    if step.record.place in lost_runs:
        return "lost"
    if letter is not None and letter.is_open:
        return "letter"
    run = _run(seen, step.record)
    if run in known:
        return "repetition"
    if run is None:
        return "unread" if seen.evidence.is_unread(step.record) else "discarded"
    known.add(run)
    if run in lost_runs:
        return "lost"
    stated = runs.get(run, set())
    if REJECTED in stated:
        return "rejected"
    if {WELCOMED, NOTIFIED} <= stated:
        return "onboarded"
    return "letter" if run in lettered else "on its way"


def _run(seen: Seen, record: Record) -> str | None:
    identity = record.identity(seen.evidence.prefix)
    return None if identity is None else derive(*identity)
