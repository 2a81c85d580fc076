"""Flood a worker with poison, alone and between good leads, and check letters, memory and pace."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from tests.acceptance.making import as_event, person
from tests.acceptance.poison import ATTRIBUTES, PLAIN, code_of, poison
from tests.acceptance.stage import Published
from tests.acceptance.waiting import eventually
from tests.chaos.figures import databases, figure, seeded, time_limit
from tests.chaos.memory import MIB, Watch
from tests.chaos.rig import Rig
from tests.chaos.servers import Broker
from tests.support.outside_client import LETTER, LETTERS

POISON = figure(1_000, 20_000, 1_000_000)
WAVES = 5
"""The first one fills what a worker keeps anyway; memory is compared between the second and the last."""
GROWS_AT_MOST_MIB = 32
PACE_LEADS, PACE_ROUNDS = figure(300, 3_000, 3_000), figure(1, 3, 5)
LARGE = ("a value of 300 KiB", "headers of 9 KiB")
SMALL = tuple(kind for kind in (*PLAIN, *ATTRIBUTES) if kind not in LARGE)
FIRST_AND_LAST = "SELECT min(done_at), max(done_at) FROM ledger"


def generated(count: int, random: Random) -> Iterator[tuple[str, Published]]:
    """Generate poison of every kind; one in 200 is large."""
    for _ in range(count):
        kind = random.choice(LARGE if random.random() < 0.005 else SMALL)
        yield kind, poison(kind, random)


@pytest.mark.timeout(time_limit(150, 0.02, POISON))
@pytest.mark.parametrize("database", databases("postgresql"), indirect=True)
def test_each_poison_record_becomes_one_letter_and_memory_stays_flat(
    rig: Rig, result: Callable[[str], None]
) -> None:
    random = seeded("poison")
    rig.open()
    worker = rig.start_worker()
    sent: dict[str, str] = {}
    sizes: list[int] = []
    with Watch(worker.pid, every=0.5) as watch:
        for number in range(WAVES):
            kinds, records = zip(*generated(POISON // WAVES, random), strict=True)
            sent.update(zip(rig.publish(records), kinds, strict=True))
            rig.settle(within=60 + POISON * 0.01)
            sizes.append(watch.samples[-1].rss)
            rig.tell(f"wave {number + 1}/{WAVES}: {len(sent)} poison records, {sizes[-1] / MIB:.0f} MiB")

    letters = Counter[tuple[str, str]]()
    for letter in rig.records(LETTERS):
        place = "/".join(letter.header(LETTER + part) or "" for part in ("topic", "partition", "offset"))
        letters[place, letter.header(LETTER + "code") or ""] += 1
    assert letters == {(place, code_of(kind)): 1 for place, kind in sent.items()}
    verdict = rig.check()
    assert verdict["is_clean"], verdict
    assert verdict["counts"]["fates"] == {"letter": len(sent)}
    assert worker.is_running
    growth = (sizes[-1] - sizes[1]) / MIB
    assert growth < GROWS_AT_MOST_MIB, sizes
    result(
        f"{len(sent)} poison records, {len(sent)} letters, each once; memory {sizes[1] / MIB:.0f} MiB after "
        f"two fifths, {growth:+.1f} MiB at the end"
    )


@pytest.mark.timeout(time_limit(150, 0.1, PACE_LEADS * PACE_ROUNDS))
def test_a_tenth_of_poison_hardly_slows_the_other_leads(
    broker: Broker, tmp_path: Path, tell: Callable[[str], None], result: Callable[[str], None]
) -> None:
    random = seeded("pace")
    paces: dict[str, list[float]] = {"clean": [], "poisoned": []}
    # Turn about, so that what else the machine does meanwhile meets both alike.
    for number in range(PACE_ROUNDS * 2):
        kind = "poisoned" if number % 2 else "clean"
        bad = PACE_LEADS // 10 if kind == "poisoned" else 0
        records = [as_event(each, person(each)) for each in range(PACE_LEADS - bad)]
        records += [record for _, record in generated(bad, random)]
        random.shuffle(records)
        folder = tmp_path / str(number)
        folder.mkdir()
        with closing(Rig(broker, f"sqlite:///{folder / 'leads.db'}", folder, tell)) as rig:
            paces[kind].append(_pace(rig, records, PACE_LEADS - bad))
        tell(f"{kind}: {paces[kind][-1]:.0f} good leads/s")
    ratio = statistics.median(paces["poisoned"]) / statistics.median(paces["clean"])
    # A figure, not a demand: what else runs on the machine decides about it, too.
    result(
        f"good leads per second with a tenth of poison: {ratio:.2f} of clean ({PACE_ROUNDS} rounds, SQLite)"
    )


def _pace(rig: Rig, records: list[Published], good: int) -> float:
    """Return good leads per second, from the first to the last ledger row of a backlog."""
    rig.open()
    rig.publish(records)
    rig.start_worker()
    done = "SELECT count(*) FROM ledger WHERE action IN ('send-welcome-email', 'notify-owner')"
    eventually(lambda: rig.count(done), lambda found: found == 2 * good, within=60 + good * 0.05, every=0.5)
    first, last = rig.sql(FIRST_AND_LAST)[0]
    return good / (float(last - first) / 1e6)
