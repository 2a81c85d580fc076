"""Run a worker at half its pace for a long time and check that it does not grow. Runs with LEADS_CHAOS_SOAK."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.acceptance.making import as_event, mixture, person
from tests.acceptance.waiting import eventually
from tests.chaos.figures import SEED, SOAK_MINUTES, databases, seeded
from tests.chaos.memory import MIB, Watch, slope
from tests.chaos.rig import Rig

CAPACITY_LEADS = 4_000
FIRST_OF_BACKLOG = 2_000_000
WARM_S = 120.0
"""Until then caches fill and the allocator settles; the slope is that of the rest."""
GROWS_AT_MOST_MIB = 1.0
"""In ten minutes."""


@pytest.mark.timeout(600 + int(SOAK_MINUTES * 60 + WARM_S) * 2)
@pytest.mark.parametrize("database", databases("sqlite"), indirect=True)
def test_a_worker_at_half_load_does_not_grow(rig: Rig, result: Callable[[str], None]) -> None:
    rig.open()
    worker = rig.start_worker()
    rig.probe(within=40)
    began = time.monotonic()
    backlog = [
        as_event(each, person(each)) for each in range(FIRST_OF_BACKLOG, FIRST_OF_BACKLOG + CAPACITY_LEADS)
    ]
    rig.publish(backlog)
    rig.settle(within=180)
    pace = CAPACITY_LEADS / (time.monotonic() - began) / 2
    seconds = SOAK_MINUTES * 60 + WARM_S
    rig.tell(f"half load is {pace:.0f} leads/s; for {seconds / 60:.0f} minutes")
    made = mixture(int(pace * seconds), seeded("soak"))
    made.records += [rig.made.records[0], *backlog]
    made.emails += [
        rig.made.emails[0],
        *(
            f"person{each}@customer.example"
            for each in range(FIRST_OF_BACKLOG, FIRST_OF_BACKLOG + CAPACITY_LEADS)
        ),
    ]
    rig.made = made

    with Watch(worker.pid, every=2.0) as watch:
        rig.put_under_load(made.records[: int(pace * seconds)], pace)
        eventually(
            lambda: len(watch.samples), lambda number: number * 2.0 >= seconds, within=seconds * 1.5, every=5
        )

    warm = [sample for sample in watch.samples if sample.at_s > WARM_S]
    growth = slope(warm) * 600 / MIB
    files = [sample.files for sample in warm]
    result(
        f"{SOAK_MINUTES:.0f} minutes at {pace:.0f} leads/s ({len(made.records)} leads): memory "
        f"{warm[0].rss / MIB:.1f} -> {warm[-1].rss / MIB:.1f} MiB, slope {growth:+.2f} MiB per 10 min; "
        f"{min(files)} to {max(files)} open files, {files[0]} first, {files[-1]} last"
    )
    rig.end({"seed": SEED})
    assert growth < GROWS_AT_MOST_MIB
    assert files[-1] <= files[0] + 5
