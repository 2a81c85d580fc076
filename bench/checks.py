"""Check that a run was right: a fast run that lost, changed or reordered records is not a result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.events import event, number_of


class WrongRunError(Exception):
    """A contender's output is not what its input demands; its figures count for nothing."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """What became of numbered events."""

    lost: int
    duplicated: int
    changed: int
    """Records whose key or value is not that of any event that went in."""
    reordered: int
    """Events that came after a later one of their key, for the first time."""

    @property
    def is_right(self) -> bool:
        """Copies are allowed: delivery is at least once."""
        return not (self.lost or self.changed or self.reordered)


def sequence_of(records: Iterable[tuple[bytes | None, bytes | None]], expected: int) -> Sequence:
    """Compare records, in the order of their partitions, with the events 0 to `expected` - 1 that went in."""
    seen: set[int] = set()
    latest: dict[bytes, int] = {}
    duplicated = changed = reordered = 0
    for key, value in records:
        try:
            number = number_of(value or b"")
        except ValueError:
            changed += 1
            continue
        if key is None or not 0 <= number < expected or event(number) != (key, value):
            changed += 1
            continue
        if number in seen:
            duplicated += 1
            continue
        seen.add(number)
        if number < latest.get(key, -1):
            reordered += 1
        latest[key] = number
    return Sequence(expected - len(seen), duplicated, changed, reordered)


def demand(what: str, found: Mapping[str, object], expected: Mapping[str, object]) -> None:
    """Raise `WrongRunError` naming every count of `what` that is not as expected."""
    wrong = [
        f"{name} is {found.get(name)} and must be {value}"
        for name, value in expected.items()
        if found.get(name) != value
    ]
    if wrong:
        raise WrongRunError(f"{what}: {'; '.join(wrong)}")


def copies(ids: Iterable[str]) -> tuple[int, int]:
    """Number of different ids, and of those that came again."""
    counted = Counter(ids)
    return len(counted), counted.total() - len(counted)
