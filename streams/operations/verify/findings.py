"""What a finding is: what is wrong, where, what it means, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["lost", "duplicated", "inconsistent", "altered", "misplaced", "stuck"]
KINDS: tuple[Kind, ...] = ("lost", "duplicated", "inconsistent", "altered", "misplaced", "stuck")


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a promise can be broken."""

    kind: Kind
    what: str
    means: str
    next: str
    is_of_two_looks: bool = False
    """Whether it is itself what two looks differ, or do not differ, in."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise: ids and places, never a word about a person."""

    fault: Fault
    ids: Mapping[str, Any]
    """What makes it this one: the same in a second look."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What may change from look to look."""

    @property
    def identity(self) -> str:
        """Return the text by which a second look recognises it."""
        return f"{self.fault.what} {sorted(self.ids.items())!r}"

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {"what": self.fault.what, **self.ids, **self.details}


@dataclass(slots=True)
class Tally:
    """Findings of one fault: all of them counted, the first ones kept."""

    fault: Fault
    count: int = 0
    kept: list[Finding] = field(default_factory=list)
    identities: set[str] = field(default_factory=set)


MAX_COMPARED = 100_000
"""Findings per fault that a second look is compared with; more than these are no moment's doing."""


@dataclass(slots=True)
class Findings:
    """What one look found, by fault, in the order in which it was looked for."""

    limit: int
    """Findings per fault that are kept with ids and places."""
    tallies: dict[str, Tally] = field(default_factory=dict)

    def add(self, found: Iterable[Finding], before: Findings | None = None) -> None:
        """Count findings; with `before` only those which an earlier look had, too."""
        for finding in found:
            if before is not None and not (finding.fault.is_of_two_looks or before.has(finding)):
                continue
            tally = self.tallies.setdefault(finding.fault.what, Tally(finding.fault))
            tally.count += 1
            if tally.count <= self.limit:
                tally.kept.append(finding)
            if tally.count <= MAX_COMPARED:
                tally.identities.add(finding.identity)

    def has(self, finding: Finding) -> bool:
        """Return whether this look found it, as far as is known."""
        tally = self.tallies.get(finding.fault.what)
        if tally is None:
            return False
        return tally.count > MAX_COMPARED or finding.identity in tally.identities

    def of(self, kind: Kind) -> Iterator[Tally]:
        """Return the faults of one kind."""
        return (tally for tally in self.tallies.values() if tally.fault.kind == kind)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.tallies)
