"""Findings: the fault, its place, its meaning, and the next step."""

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
    """Whether the fault is itself about the difference between two looks."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise: ids and places, never a word about a person."""

    fault: Fault
    ids: Mapping[str, Any]
    """Its identity: the same in a second look."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Details that may change between looks."""

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
    """The findings of one look, by fault, in the order of the checks."""

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
        """Whether there are findings."""
        return bool(self.tallies)
