"""Reads published sets of values, and judges what the product makes of each: `python -m tests.support.readings`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from actions.normalise.country import normalise_country
from actions.normalise.email_address import normalise_email
from actions.normalise.phone_number import normalise_phone
from actions.normalise.refused import Refused

FOLDER = Path(__file__).parents[1] / "data" / "readings"


class Case(NamedTuple):
    """One value and the one right reading of it; none where it must not be read."""

    text: str
    expected: str | None
    source: str
    region: str | None = None
    """Of a phone: the country in which it is read."""


class Judged(NamedTuple):
    """What became of the cases of one set."""

    cases: int
    right: int
    absent: list[Case]
    """Not read although there is one right reading."""
    wrong: list[tuple[Case, str]]
    """Read as something else."""


def cases(name: str) -> list[Case]:
    """Return the cases of a set."""
    with (FOLDER / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Case(row["input"], row["expected"] or None, row["source"], row.get("region")) for row in rows]


SETS: dict[str, Callable[[Case], str | None]] = {
    "countries": lambda case: normalise_country(case.text),
    "emails": lambda case: normalise_email(case.text),
    "phones": lambda case: normalise_phone(case.text, case.region, is_region_given=True),
}
"""How the product reads the cases of each set; it raises `Refused` for what it does not read."""


def read(name: str, case: Case) -> str | None:
    """Return what the product reads; None when it does not."""
    try:
        return SETS[name](case)
    except Refused:
        return None


def judge(name: str) -> Judged:
    """Read every case of a set."""
    right, absent, wrong = 0, [], []
    every = cases(name)
    for case in every:
        found = read(name, case)
        if found == case.expected:
            right += 1
        elif found is None:
            absent.append(case)
        else:
            wrong.append((case, found))
    return Judged(len(every), right, absent, wrong)


def main() -> int:
    """Print the table; return 1 when a value was read wrongly."""
    lines, is_wrong = ["| set | cases | right | not read | wrong |", "|---|---|---|---|---|"], False
    for name in SETS:
        found = judge(name)
        is_wrong = is_wrong or bool(found.wrong)
        lines.append(
            f"| {name} | {found.cases:,} | {found.right:,} | {len(found.absent)} | {len(found.wrong)} |"
        )
        lines += [f"not read: {case.text} ({case.source})" for case in found.absent[:20]]
        lines += [
            f"wrong: {case.text} ({case.source}) is {case.expected}, read as {read}"
            for case, read in found.wrong[:20]
        ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if is_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
