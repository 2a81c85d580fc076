"""States the verdict: lost, duplicated, inconsistent, altered, misplaced, stuck, with the offending ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from streams.operations.verify.altered import altered
from streams.operations.verify.calls import calls, uncertain
from streams.operations.verify.contacts import contacts
from streams.operations.verify.counts import counts
from streams.operations.verify.duplicated import duplicated, repeated_webhooks
from streams.operations.verify.field_history import field_history
from streams.operations.verify.findings import KINDS, Findings, Kind
from streams.operations.verify.inconsistent import inconsistent
from streams.operations.verify.lost import lost
from streams.operations.verify.misplaced import misplaced
from streams.operations.verify.snapshot import Snapshot
from streams.operations.verify.stuck import stuck


@dataclass(slots=True)
class Verdict:
    """What is wrong, what is uncertain, and what could not be judged."""

    findings: Findings
    counts: dict[str, Any]
    uncertain: list[dict[str, object]] = field(default_factory=list)
    """Calls that may or may not have happened: no fault. `counts` has their number."""
    repeated_webhooks: list[dict[str, object]] = field(default_factory=list)
    """Calls made again under the same id, by which the receiver drops them; no fault either. Counted likewise."""
    unjudged: dict[str, int] = field(default_factory=dict)
    """What could not be judged, with counts."""
    is_second_look: bool = False

    @property
    def is_clean(self) -> bool:
        """Return whether nothing was found."""
        return not self.findings

    def found(self, kind: Kind) -> list[dict[str, Any]]:
        """Return the findings of one kind that were kept, as JSON."""
        return [finding.as_data() for tally in self.findings.of(kind) for finding in tally.kept]

    def as_data(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "is_clean": self.is_clean,
            "is_second_look": self.is_second_look,
            "counts": self.counts,
            "found": [
                {
                    "kind": tally.fault.kind,
                    "what": tally.fault.what,
                    "count": tally.count,
                    "means": tally.fault.means,
                    "next": tally.fault.next,
                }
                for kind in KINDS
                for tally in self.findings.of(kind)
            ],
            **{kind: self.found(kind) for kind in KINDS},
            "uncertain": self.uncertain,
            "repeated_webhooks": self.repeated_webhooks,
            "not_judged": [{"what": what, "count": number} for what, number in sorted(self.unjudged.items())],
        }


def judge(snapshot: Snapshot, *, limit: int, before: Findings | None = None) -> Verdict:
    """Judge the scratch database; keep at most `limit` findings per fault. With `before`, only those in both looks."""
    snapshot.unjudged.clear()
    snapshot.order()
    findings = Findings(limit)
    every = chain(
        lost(snapshot),
        duplicated(snapshot),
        inconsistent(snapshot),
        contacts(snapshot),
        field_history(snapshot),
        calls(snapshot),
        altered(snapshot),
        misplaced(snapshot),
        stuck(snapshot),
    )
    findings.add(every, before)
    in_doubt, in_doubt_count = _first(uncertain(snapshot), limit)
    repeated, repeated_count = _first(repeated_webhooks(snapshot), limit)
    return Verdict(
        findings,
        {**counts(snapshot), "uncertain": in_doubt_count, "repeated_webhooks": repeated_count},
        in_doubt,
        repeated,
        dict(snapshot.unjudged),
        is_second_look=before is not None,
    )


def _first(found: Iterable[dict[str, object]], limit: int) -> tuple[list[dict[str, object]], int]:
    kept, count = [], 0
    for count, each in enumerate(found, 1):
        if count <= limit:
            kept.append(each)
    return kept, count
