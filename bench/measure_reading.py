"""P7: decoding, validating and normalising a clean lead, against `orjson.loads` of the same bytes.

`python -m bench.measure_reading [--previous FOLDER]` prints the figures of this build, and of another build's checkout
beside it: each round runs both, one after the other, in a process of its own.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import orjson

ROOT = Path(__file__).resolve().parent.parent
LEADS = 200
"""So few that they stay in the processor's cache, and so many that no two strings are the same."""
REPETITIONS = 400
FIRST = ("Ana", "Björn", "Chloé", "Dmitri", "Eoin", "Fatma", "Giulia", "Hana")
LAST = ("Sørensen", "Müller", "O'Neill", "García", "Ivanova", "Yilmaz", "Nowak", "Tanaka")
DATE_MS = 1_796_000_000_000


def lead(number: int) -> bytes:
    """Return a lead in which nothing has to be noted."""
    return orjson.dumps(
        {
            "email": f"person{number}@customer.example",
            "phone": f"+49 30 {2_000_000 + number}",
            "name": f"{FIRST[number % len(FIRST)]} {LAST[number // len(FIRST) % len(LAST)]}",
            "company": f"Company {number % 50} GmbH",
            "country": "Germany",
            "source": "web-form",
            "message": "Please call me back.",
            "lead_id": f"lead-{number}",
            "consent": {"marketing": True, "time": "2026-11-23T08:00:00Z"},
        }
    )


def headers(number: int) -> list[tuple[str, bytes | None]]:
    """Return the headers of a binary CloudEvent."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", f"e-{number}".encode()),
        ("ce_source", b"/web"),
        ("ce_type", b"crm.lead.received.v1"),
        ("ce_time", b"2026-11-23T08:00:00Z"),
        ("content-type", b"application/json"),
    ]


def best(work: Callable[[], None]) -> float:
    """Return the fewest microseconds per lead: what other work on the machine takes away is not counted."""
    fewest = float("inf")
    for _ in range(REPETITIONS):
        began = time.perf_counter()
        work()
        fewest = min(fewest, time.perf_counter() - began)
    return fewest / LEADS * 1e6


def measure() -> dict[str, float]:
    """Measure the build that is imported."""
    from actions.normalise.lead import read_lead  # noqa: PLC0415 - of whichever build is on the path
    from topics.decode import Position, decode  # noqa: PLC0415
    from topics.events import LeadReceived  # noqa: PLC0415

    records = [(lead(number), headers(number)) for number in range(LEADS)]
    place = Position("crm.leads.received.v1", 0, 0, DATE_MS)

    def read() -> None:
        for value, attributes in records:
            event = decode(value, attributes, LeadReceived, place).event
            assert isinstance(event, LeadReceived)
            if read_lead(event, "DE")[1]:
                raise AssertionError("a clean lead was rejected")

    def parse() -> None:
        for value, _ in records:
            orjson.loads(value)

    read()
    gc.disable()
    return {"read_us": best(read), "loads_us": best(parse)}


def of_build(folder: Path) -> dict[str, float]:
    """Measure a build in a fresh process."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), "--child"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        check=True,
    )
    found: dict[str, float] = orjson.loads(done.stdout)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.measure_reading", description=__doc__)
    parser.add_argument("--previous", type=Path, metavar="FOLDER", help="checkout of another build")
    parser.add_argument("--rounds", type=int, default=5, help="of every build (%(default)s)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        sys.stdout.write(orjson.dumps(measure()).decode())
        return 0
    builds = {"this build": ROOT} | ({"previous": given.previous} if given.previous else {})
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in builds}
    for number in range(given.rounds):
        for name in list(builds) if number % 2 == 0 else list(builds)[::-1]:
            figures[name].append(of_build(builds[name]))
    for name, rounds in figures.items():
        read, loads = (median(each[figure] for each in rounds) for figure in ("read_us", "loads_us"))
        print(f"{name}: {read:.1f} us per lead, {read / loads:.1f}x of orjson.loads ({loads:.2f} us)")
    if given.previous:
        ratios = [
            before["read_us"] / after["read_us"]
            for before, after in zip(figures["previous"], figures["this build"], strict=True)
        ]
        print(
            f"previous / this build: {median(ratios):.3f} (lowest {min(ratios):.3f}); at least 0.95 is wanted"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
