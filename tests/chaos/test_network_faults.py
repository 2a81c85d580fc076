"""Break the network between the workers and their servers: slow, silent, reset, half-open."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.acceptance.stage import LANES
from tests.chaos.figures import SEED, databases, figure, seeded, time_limit
from tests.chaos.proxy import FAULTS, FaultProxy
from tests.chaos.rig import Rig
from tests.chaos.servers import Postgres

ROUNDS = figure(4, 30, 300)
RECORDS = 300 + ROUNDS * 450
LASTS_S = (1.0, 4.0)


@pytest.fixture
def proxies(rig: Rig, request: pytest.FixtureRequest) -> Iterator[dict[str, FaultProxy]]:
    """Put a proxy between the workers and each server there is; SQLite has none."""
    with ExitStack() as stack:
        found = {"broker": rig.broker.proxy}
        rig.through["LEADS_KAFKA"] = rig.broker.proxied
        if rig.database.startswith("postgresql"):
            server: Postgres = request.getfixturevalue("postgres")
            found["PostgreSQL"] = stack.enter_context(FaultProxy(server.socket))
            name = rig.database.rpartition("/" + "chaos_")[2].partition("?")[0]
            rig.through["LEADS_DATABASE"] = (
                f"postgresql+psycopg://postgres@127.0.0.1:{found['PostgreSQL'].port}/chaos_{name}"
            )
        for name, server_there, variable in (
            ("mail server", rig.mails, "LEADS_SMTP"),
            ("webhook", rig.webhooks, "LEADS_NOTIFY"),
        ):
            server_there.start()  # it keeps the port it gets now
            server_there.stop()
            found[name] = stack.enter_context(FaultProxy(("127.0.0.1", server_there.port)))
            scheme = "smtp" if variable == "LEADS_SMTP" else "http"
            rig.through[variable] = f"{scheme}://127.0.0.1:{found[name].port}"
        yield found
        rig.broker.proxy.heal()


@pytest.mark.timeout(time_limit(240, 45, ROUNDS))
@pytest.mark.parametrize("database", databases("postgresql"), indirect=True)
def test_a_broken_network_loses_and_doubles_nothing(
    rig: Rig, proxies: dict[str, FaultProxy], result: Callable[[str], None]
) -> None:
    random = seeded("network")
    rig.begin(random, workers=2, records=RECORDS)
    # Every pair of server and fault comes before one comes again.
    pairs = [(name, fault) for name in proxies for fault in FAULTS]
    random.shuffle(pairs)
    if len(pairs) > ROUNDS:
        pairs = [(name, FAULTS[(at + SEED) % len(FAULTS)]) for at, name in enumerate(proxies)]
    for number in range(ROUNDS):
        name, fault = pairs[number % len(pairs)]
        time.sleep(random.uniform(0.3, 1.5))
        lasts = random.uniform(*LASTS_S)
        proxies[name].begin(fault)
        time.sleep(lasts)
        proxies[name].heal()
        rig.recovered(time.monotonic(), f"{fault} of {name} for {lasts:.1f} s ({number + 1}/{ROUNDS})")

    verdict = rig.end({"seed": SEED, "recoveries": rig.recoveries})

    uncertain = len(verdict["uncertain"])
    assert uncertain <= 2 * LANES * ROUNDS
    assert all(proxy.passed for proxy in proxies.values()), "the workers went past a proxy"
    result(
        f"{ROUNDS} faults, {len(rig.made.records)} leads, 0 lost, 0 duplicated, 0 inconsistent, {uncertain} uncertain; "
        f"recovered after at most {max(rig.recoveries):.1f} s"
    )
