"""Measure the reader of lead files against Python's own CSV reader: `python -m bench.measure_lead_files`.

Both read one file of the same rows, in turns. Compared is the CPU time of the best
round of each: other work on the machine only makes a round slower. Exit code 0 when the target is met, else 1.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from bench.progress import Progress
from streams.interfaces.lead_files.leadfile import Options, Row, open_leads
from streams.interfaces.lead_files.source import Source, open_input

MUST = 0.3
"""Rows per second of CPU time of the reader, as a share of those of Python's reader alone."""
MIN_ROWS = 1000
_HEADER = (
    "Email", "First Name", "Last Name", "Phone Number", "Company Name", "Job Title", "Country/Region", "City",
    "Website URL", "Lead Source", "Campaign", "Notes",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.measure_lead_files", description=MUST.__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="of 12 columns (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="of both readers (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured there")
    given = parser.parse_args(arguments)
    if given.rows < MIN_ROWS or given.rounds < 1:
        parser.error(f"--rows must be at least {MIN_ROWS}, --rounds at least 1")
    progress = Progress()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leads.csv"
        progress.say(f"writing {given.rows:,} rows")
        _write(path, given.rows)
        rounds = []
        for number in range(given.rounds):
            order = (_read_plainly, _read_leads) if number % 2 == 0 else (_read_leads, _read_plainly)
            seconds = {reader: _seconds(reader, path, given.rows) for reader in order}
            rounds.append((seconds[_read_plainly], seconds[_read_leads]))
            progress.say(f"round {number + 1}: csv {rounds[-1][0]:.2f} s, lead files {rounds[-1][1]:.2f} s")
    plain, ours = min(plain for plain, _ in rounds), min(ours for _, ours in rounds)
    ratio = plain / ours
    figures = {
        "rows": given.rows,
        "csv_rows_per_s": round(given.rows / plain),
        "lead_files_rows_per_s": round(given.rows / ours),
        "ratio": round(ratio, 3),
        "must": MUST,
    }
    sys.stdout.write(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode() + "\n")
    if given.json is not None:
        given.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return 0 if ratio >= MUST else 1


def _write(path: Path, rows: int) -> None:
    """Write rows as exports have them: some cells empty, some quoted, some names beyond ASCII."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        for number in range(rows):
            writer.writerow(
                (
                    f"person{number}@example.com", "Zoë" if number % 7 == 0 else "Ada", f"Person {number}",
                    f"+4930{number:07d}" if number % 3 else "", f"Acme {number % 100}, Inc.", "Engineer", "DE",
                    "Köln" if number % 5 == 0 else "Bonn", f"https://acme{number % 100}.example", "fair",
                    f"spring-{number % 9}", "Please call\nme back" if number % 50 == 0 else "",
                )
            )  # fmt: skip


def _seconds(reader: Callable[[Path], int], path: Path, rows: int) -> float:
    began = time.process_time()
    count = reader(path)
    seconds = time.process_time() - began
    if count != rows:
        raise RuntimeError(f"{reader.__name__}: {count} rows were read of {rows}")
    return seconds


def _read_plainly(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        return sum(1 for _ in reader)


def _read_leads(path: Path) -> int:
    descriptor = open_input(str(path))
    try:
        leads = open_leads(Source(descriptor), path.name, Options())
        return sum(1 for row in leads if isinstance(row, Row))
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
