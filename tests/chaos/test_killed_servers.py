"""Kill broker, PostgreSQL and mail server with SIGKILL under load and start them again."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.acceptance.stage import LANES
from tests.chaos.figures import SEED, databases, figure, seeded, time_limit
from tests.chaos.rig import Rig
from tests.chaos.servers import Postgres

KILLS = figure(1, 5, 50)
RECORDS = 300 + KILLS * 600
DOWN_S = (0.5, 4.0)
LIMIT_S = time_limit(200, 45, KILLS)


def _kill_again_and_again(rig: Rig, name: str, kill: Callable[[], None], start: Callable[[], None]) -> str:
    random = seeded(name)
    rig.begin(random, workers=2, records=RECORDS)
    for number in range(KILLS):
        time.sleep(random.uniform(0.5, 3.0))
        kill()
        down = random.uniform(*DOWN_S)
        time.sleep(down)
        start()
        rig.recovered(time.monotonic(), f"{name} was killed ({number + 1}/{KILLS}), {down:.1f} s away")
    verdict = rig.end({"seed": SEED, "recoveries": rig.recoveries})
    uncertain = len(verdict["uncertain"])
    assert uncertain <= 2 * LANES * KILLS
    return (
        f"{KILLS} kills, {len(rig.made.records)} leads, 0 lost, 0 duplicated, 0 inconsistent, {uncertain} uncertain; "
        f"recovered after at most {max(rig.recoveries):.1f} s"
    )


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("database", databases("sqlite"), indirect=True)
def test_a_killed_broker_loses_and_doubles_nothing(rig: Rig, result: Callable[[str], None]) -> None:
    result(_kill_again_and_again(rig, "broker", rig.broker.kill, rig.broker.start))


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_killed_postgresql_loses_and_doubles_nothing(
    rig: Rig, postgres: Postgres, result: Callable[[str], None]
) -> None:
    result(_kill_again_and_again(rig, "PostgreSQL", postgres.kill, postgres.start))


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("database", databases("postgresql"), indirect=True)
def test_a_killed_mail_server_delays_welcomes_and_doubles_none(
    rig: Rig, result: Callable[[str], None]
) -> None:
    result(_kill_again_and_again(rig, "mail server", rig.mails.stop, rig.mails.start))
