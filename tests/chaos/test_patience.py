"""Keep servers away for longer than the watchdog's limit: a worker that waits for a known reason is not ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.chaos.figures import IS_SMALL, databases, seeded, time_limit
from tests.chaos.proxy import Fault, FaultProxy
from tests.chaos.rig import Rig

WATCHDOG_S = 20.0
LASTS_S = 1.6 * WATCHDOG_S
RECORDS = 2_000
OUTAGES: list[tuple[str, Fault]] = [
    ("broker", "blackhole"),
    ("broker", "reset"),
    ("mail server", "blackhole"),
]


@pytest.fixture
def mail_proxy(rig: Rig) -> Iterator[FaultProxy]:
    rig.mails.start()  # it keeps the port it gets now
    rig.mails.stop()
    with FaultProxy(("127.0.0.1", rig.mails.port)) as found:
        rig.through["LEADS_SMTP"] = f"smtp://127.0.0.1:{found.port}"
        yield found


@pytest.mark.timeout(time_limit(240, 0, 1))
@pytest.mark.parametrize("database", databases("sqlite"), indirect=True)
@pytest.mark.parametrize(("server", "fault"), OUTAGES[:1] if IS_SMALL else OUTAGES)
def test_an_outage_that_outlasts_the_watchdog_ends_no_worker(
    rig: Rig, mail_proxy: FaultProxy, server: str, fault: Fault, result: Callable[[str], None]
) -> None:
    rig.through |= {"LEADS_KAFKA": rig.broker.proxied, "LEADS_WATCHDOG": f"{WATCHDOG_S:g}s"}
    proxy = rig.broker.proxy if server == "broker" else mail_proxy
    rig.begin(seeded("patience"), workers=1, records=RECORDS)

    proxy.begin(fault)
    time.sleep(LASTS_S)
    proxy.heal()
    rig.recovered(time.monotonic(), f"{fault} of the {server} for {LASTS_S:.0f} s")
    rig.end({"recoveries": rig.recoveries})

    (worker,) = rig.workers
    assert worker.is_running
    assert "watchdog" not in worker.log.read_text()
    result(
        f"waited {LASTS_S:.0f} s with a watchdog of {WATCHDOG_S:.0f} s; recovered after {rig.recoveries[0]:.1f} s"
    )
