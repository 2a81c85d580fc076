"""Fill the disk of the store under load, and free it again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.waiting import eventually
from tests.chaos.disk import LimitedFiles, SmallDisk
from tests.chaos.figures import SEED, databases, figure, seeded, time_limit
from tests.chaos.rig import Rig
from tests.chaos.servers import Broker, Postgres

TIMES = figure(1, 5, 50)
RECORDS = 500 + TIMES * 1_000
MIB = 64 + TIMES * 16
FULL_S = (1.0, 4.0)
IS_FELT = b"tries again"


class Place:
    """A rig whose store is on a disk that can be filled."""

    def __init__(self, rig: Rig, disk: SmallDisk | LimitedFiles) -> None:
        self.rig = rig
        self.disk = disk


@pytest.fixture
def place(
    request: pytest.FixtureRequest, broker: Broker, tmp_path: Path, tell: Callable[[str], None]
) -> Iterator[Place]:
    """Put the store of the named kind on a small disk; PostgreSQL has its tables there, its log elsewhere."""
    if request.param == "sqlite":
        rig = Rig(broker, f"sqlite:///{tmp_path / 'small' / 'leads.db'}", tmp_path, tell)
        disk: SmallDisk | LimitedFiles
        try:
            disk = SmallDisk(tmp_path / "small", mib=MIB)
        except PermissionError:
            shutil.rmtree(tmp_path / "small")
            disk = LimitedFiles(tmp_path / "small", lambda: [worker.pid for worker in rig.running])
        with closing(disk), closing(rig):
            yield Place(rig, disk)
        return
    server: Postgres = request.getfixturevalue("postgres")
    with closing(SmallDisk(server.folder / "small", mib=MIB)) as disk:
        tablespace = disk.path / "tables"
        tablespace.mkdir()
        if server.user is not None:
            shutil.chown(tablespace, server.user)
        url = server.new_database(tablespace)
        with closing(Rig(broker, url, tmp_path, tell)) as rig:
            yield Place(rig, disk)
        server.drop_database(url)


@pytest.mark.timeout(time_limit(200, 60, TIMES))
@pytest.mark.parametrize("place", databases("sqlite"), indirect=True)
def test_a_full_disk_stops_the_leads_and_nothing_else(place: Place, result: Callable[[str], None]) -> None:
    rig, disk = place.rig, place.disk
    random = seeded("disk")
    rig.begin(random, workers=2, records=RECORDS)
    for number in range(TIMES):
        time.sleep(random.uniform(0.5, 2.0))
        begun = [worker.log.stat().st_size for worker in rig.workers]
        disk.fill()
        eventually(
            lambda begun=begun: [  # type: ignore[misc]  # mypy takes the default for an argument
                worker.log.read_bytes()[start:].count(IS_FELT)
                for worker, start in zip(rig.workers, begun, strict=True)
            ],
            any,
            within=30,
        )
        full = random.uniform(*FULL_S)
        time.sleep(full)
        disk.free()
        rig.recovered(
            time.monotonic(), f"{disk.what} full ({number + 1}/{TIMES}), {full:.1f} s after it was felt"
        )

    verdict = rig.end({"seed": SEED, "recoveries": rig.recoveries})

    assert len(rig.running) == 2
    result(
        f"{TIMES} times full ({disk.what}), {len(rig.made.records)} leads, 0 lost, 0 duplicated, 0 inconsistent, "
        f"{len(verdict['uncertain'])} uncertain; recovered after at most {max(rig.recoveries):.1f} s"
    )
