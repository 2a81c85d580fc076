"""What a reader may make of the rows of the exports: each field right, or absent with a note, never wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

CONTACT_FIELDS = (
    "email",
    "phone",
    "name",
    "first_name",
    "last_name",
    "company",
    "website",
    "job_title",
    "country",
    "city",
    "language",
    "consent",
)
"""The fields of a contact that are judged; `consent` is "yes" or "no", the answer of `consent.marketing`."""

FIELDS = (*CONTACT_FIELDS, "message")
"""The fields of a lead that are judged."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What one field may be: `value`, or one of `also` (as good), or absent if `may_be_absent`.

    A `value` of None says that the field must be absent: the row says nothing, or nothing that can be read.
    """

    value: str | None
    may_be_absent: bool = False
    also: tuple[str, ...] = ()

    def allows(self, value: str | None) -> bool:
        """Return whether a reader that gives this value (None: no value) is right."""
        if value is None:
            return self.value is None or self.may_be_absent
        return self.value is not None and value in (self.value, *self.also)


ABSENT = Expected(None)


@dataclass(frozen=True, slots=True)
class ExpectedRow:
    """The truth of one row: whose it is (index in the list of people), and all `FIELDS`."""

    person: int
    fields: dict[str, Expected]


@dataclass(frozen=True, slots=True)
class Export:
    """A written file: `arguments` are the options a person must give because the file cannot say it itself.

    `rows` stand in the order of the file. `encoding` is Python's name and takes a byte order mark off;
    `delimiter` is empty for JSON Lines; `skip` lines precede the header.
    """

    path: Path
    name: str
    arguments: tuple[str, ...]
    encoding: str
    delimiter: str
    skip: int
    rows: tuple[ExpectedRow, ...]


def merge_truth(exports: Sequence[Export], count: int) -> list[dict[str, Expected]]:
    """Return for each of `count` people what the contact's fields may be after all exports, in any order.

    A field may be absent if no export is sure to give it, and must be absent if none gives it at all.
    """
    found: list[dict[str, list[Expected]]] = [{field: [] for field in CONTACT_FIELDS} for _ in range(count)]
    for export in exports:
        for row in export.rows:
            for field in CONTACT_FIELDS:
                found[row.person][field].append(row.fields[field])
    return [{field: _merged(several) for field, several in fields.items()} for fields in found]


def _merged(several: Iterable[Expected]) -> Expected:
    saying = [one for one in several if one.value is not None]
    values = dict.fromkeys(value for one in saying for value in (one.value, *one.also) if value is not None)
    if not values:
        return ABSENT
    first, *rest = values
    return Expected(first, all(one.may_be_absent for one in saying), tuple(rest))
