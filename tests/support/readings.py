"""Reads published sets of values, and judges what the product makes of each: `python -m tests.support.readings`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from actions.normalise.country import normalise_country
from actions.normalise.refused import Refused

FOLDER = Path(__file__).parents[1] / "data" / "readings"


class Case(NamedTuple):
    """One value and the one right reading of it; none where it must not be read."""

    text: str
    expected: str | None
    source: str


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
        return [Case(row["input"], row["expected"] or None, row["source"]) for row in rows]


def country(text: str) -> str | None:
    """Return what the product reads."""
    try:
        return normalise_country(text)
    except Refused:
        return None


SETS: dict[str, Callable[[str], str | None]] = {"countries": country}


def judge(name: str) -> Judged:
    """Read every case of a set."""
    right, absent, wrong = 0, [], []
    every = cases(name)
    for case in every:
        found = SETS[name](case.text)
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
