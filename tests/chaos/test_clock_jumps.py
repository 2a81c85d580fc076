"""Set the clocks of workers forward and back while they work."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.acceptance.processes import Server
from tests.chaos.figures import SEED, databases, figure, seeded, time_limit
from tests.chaos.rig import Rig

JUMPS = figure(2, 20, 200)
RECORDS = 300 + JUMPS * 300
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
SETTINGS = (-30 * DAY, -DAY, -HOUR, -MINUTE, -5.0, 0.0, 5.0, MINUTE, HOUR, DAY, 30 * DAY)
"""Not further ahead than the ledger remembers (35 days): beyond that a worker forgets what was done yesterday."""


@pytest.mark.timeout(time_limit(200, 20, JUMPS))
@pytest.mark.parametrize("database", databases("sqlite"), indirect=True)
def test_workers_whose_clocks_jump_lose_and_double_nothing(rig: Rig, result: Callable[[str], None]) -> None:
    random = seeded("clocks")
    file = rig.folder / "clock"
    file.write_text("0")
    rig.entry = ("tests.chaos.shifted", str(file))
    # A receiver refuses signatures that are more than five minutes off, rightly; here it checks none.
    rig.webhooks = Server("streams.testing.webhook_receiver", rig.webhooks.file)
    rig.begin(random, workers=2, records=RECORDS)
    before = 0.0
    for number in range(JUMPS):
        time.sleep(random.uniform(0.5, 1.5))
        to = random.choice([setting for setting in SETTINGS if setting != before])
        file.write_text(str(to))
        rig.recovered(time.monotonic(), f"clock from {before:+.0f} s to {to:+.0f} s ({number + 1}/{JUMPS})")
        before = to
    file.write_text("0")

    verdict = rig.end({"seed": SEED})

    assert len(rig.running) == 2
    result(
        f"{JUMPS} jumps of up to 60 days, {len(rig.made.records)} leads, 0 lost, 0 duplicated, 0 inconsistent, "
        f"{len(verdict['uncertain'])} uncertain"
    )
