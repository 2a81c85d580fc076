"""This file adds up what the replays of a plan come to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from streams.dead_letters.prediction import Prediction


@dataclass(slots=True)
class Totals:
    """What a plan comes to."""

    verdicts: Counter[str] = field(default_factory=Counter)
    failing: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By action and code."""
    fields: Counter[str] = field(default_factory=Counter)
    """Contact fields that would change."""
    owners: Counter[str] = field(default_factory=Counter)
    """New owners, by id."""
    refused: Counter[str] = field(default_factory=Counter)
    """Letters that `apply` leaves out, by why."""
    following: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By action that would follow, and the outcome or code it would come to."""
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By what is called (`Mailer`), and `goes-out`, `goes-out-again` or `held`."""

    def add(self, found: Prediction, refusal: str | None) -> None:
        """Count one letter, and why a job would leave it out, if it would."""
        if refusal is not None:
            self.refused[refusal] += 1
        self.verdicts[found.verdict] += 1
        if found.code is not None:
            self.failing[found.action, found.code] += 1
        for each in (found, *found.following):
            self.fields.update(change.field for change in each.changes)
            if each.is_new_owner and each.owner is not None:
                self.owners[each.owner] += 1
        self.calls.update((call.port or call.key.partition(":")[0], call.state) for call in found.all_calls)
        self.following.update((each.action, each.outcome or each.code or "") for each in found.following)

    def as_data(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "letters": self.verdicts.total(),
            "verdicts": dict(self.verdicts.most_common()),
            "failing": [
                {"action": action, "code": code, "letters": many}
                for (action, code), many in self.failing.most_common()
            ],
            "following": [
                {"action": action, "outcome": outcome or None, "letters": many}
                for (action, outcome), many in self.following.most_common()
            ],
            "fields": dict(self.fields.most_common()),
            "left_out": dict(self.refused.most_common()),
            "owners": dict(self.owners.most_common()),
            "calls": [
                {"what": what, "state": state, "letters": many}
                for (what, state), many in self.calls.most_common()
            ],
        }
