"""Run the sabotages one after the other: `make sabotage`, or `python -m tests.sabotage [NAME …]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from streams.kafka.local import LocalKafka
from tests.sabotage import running, table
from tests.sabotage.running import SabotageError
from tests.sabotage.sabotage import Sabotage
from tests.sabotage.sabotages import SABOTAGES

PAGE = running.ROOT / "docs" / "guarantees.md"


def needs_broker(test: str) -> bool:
    """Whether the test runs on a real broker."""
    return test.startswith("tests/integration/")


@contextmanager
def broker_for(chosen: Sequence[Sabotage], folder: Path) -> Iterator[str | None]:
    """Start the one broker that all runs share, if any of them needs it."""
    if not any(needs_broker(test) for each in chosen for test in each.node_ids):
        yield None
        return
    with warnings.catch_warnings(action="ignore"):  # of what comes with PostgreSQL, see pyproject.toml
        from tests.conftest import wait_for_coordinator

    with LocalKafka(folder) as broker:
        kafka = broker.start()
        wait_for_coordinator(kafka)
        yield kafka


def check_healthy(chosen: Sequence[Sabotage], folder: Path, kafka: str | None) -> None:
    """Run every named test without a sabotage. Raises `SabotageError` unless all are green."""
    running.copy_to(folder)
    tests = sorted({test for each in chosen for test in each.node_ids})
    found = running.run_tests(folder, tests, kafka)
    wrong = [*found.failed, *found.broken, *running.missing_from(tests, found.passed)]
    if wrong:
        raise SabotageError("without any sabotage these are not green: " + "; ".join(sorted(set(wrong))))


def check_one(sabotage: Sabotage, folder: Path, kafka: str | None) -> tuple[str, ...]:
    """Return the tests that fail. Raises `SabotageError` when it cannot be applied, or breaks more than a promise."""
    running.copy_to(folder)
    running.sabotage_in(folder, sabotage)
    found = running.run_tests(
        folder, sabotage.node_ids, kafka if any(map(needs_broker, sabotage.node_ids)) else None
    )
    if found.broken:
        raise SabotageError(f"{sabotage.name!r} breaks the program: {'; '.join(found.broken)}")
    return found.failed


def run(chosen: Sequence[Sabotage], console: Console) -> list[str]:
    """Run all; gives the table's rows. Raises `SabotageError` at the end when one of them was not caught."""
    rows, wrong = [], []
    with tempfile.TemporaryDirectory(prefix="leads-sabotage-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with broker_for(chosen, folder / "kafka") as kafka:
            console.print(f"{len(chosen)} sabotages; first all their tests without any ...")
            check_healthy(chosen, folder / "healthy", kafka)
            for number, sabotage in enumerate(chosen, start=1):
                began = time.monotonic()
                try:
                    failed = check_one(sabotage, folder / str(number), kafka)
                except SabotageError as error:
                    wrong.append(str(error))
                    failed = ()
                green = running.missing_from(sabotage.node_ids, failed)
                wrong += [f"{sabotage.name!r} leaves {table.test_name(test)} green" for test in green]
                rows.append(table.row_of(sabotage, failed))
                word = "GREEN" if green else "red"
                console.print(
                    f"{number:3}/{len(chosen)} {word:6} {time.monotonic() - began:4.0f} s  {sabotage.name}",
                    highlight=False,
                )
                for test in failed:
                    console.print(f"               {table.test_name(test)}", highlight=False, markup=False)
    if wrong:
        raise SabotageError("\n".join(wrong))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named sabotages, or all and rewrite the table; 0 when each was caught."""
    parser = argparse.ArgumentParser(prog="make sabotage", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="only these (the page is not rewritten then)"
    )
    names = parser.parse_args(arguments).names
    console = Console(soft_wrap=True)
    if unknown := set(names) - {each.name for each in SABOTAGES}:
        console.print(
            f"No sabotage is called {sorted(unknown)}; the names are in docs/guarantees.md", markup=False
        )
        return 2
    chosen = [each for each in SABOTAGES if not names or each.name in names]
    try:
        rows = run(chosen, console)
    except SabotageError as error:
        console.print(str(error), markup=False, highlight=False)
        return 1
    if not names:
        table.write(PAGE, rows)
    console.print(
        f"{len(rows)} of {len(chosen)} caught." + ("" if names else f" The table in {PAGE.name} is new.")
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
