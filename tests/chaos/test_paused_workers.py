"""Stop workers with SIGSTOP until the group has reassigned their partitions, and let them go on."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy.engine import make_url

from tests.acceptance.making import as_event, person
from tests.acceptance.processes import Process
from tests.acceptance.stage import LANES, SESSION_TIMEOUT_S
from tests.acceptance.waiting import eventually
from tests.chaos.figures import SEED, databases, figure, seeded, time_limit
from tests.chaos.rig import RECOVERS_WITHIN_S, Rig
from tests.support.outside_client import committed

PAUSES = figure(1, 20, 200)
RECORDS = 300 + PAUSES * 900
TAKEN_WITHIN_S = 40.0
DONE = "SELECT id, status, generation, result, done_at FROM ledger ORDER BY id"
PEOPLE = "SELECT contact_key, contact_id, owner_id, revision FROM contacts ORDER BY contact_key"
ANSWER_S = 0.3
LEADS = 400
FIRST_LATER = 900_000
STOPS = 50


@pytest.mark.timeout(time_limit(200, 45, PAUSES))
@pytest.mark.parametrize("database", databases("postgresql"), indirect=True)
def test_a_worker_that_is_paused_beyond_its_session_writes_nothing_stale(
    rig: Rig, result: Callable[[str], None]
) -> None:
    random = seeded("paused")
    rig.begin(random, workers=2, records=RECORDS)
    for number in range(PAUSES):
        time.sleep(random.uniform(0.3, 2.0))
        victim = random.choice(rig.running)
        victim.send(signal.SIGSTOP)
        paused = SESSION_TIMEOUT_S + random.uniform(0.5, 3.0)
        time.sleep(paused)
        before = committed(rig.kafka, rig.prefix, rig.group)
        victim.send(signal.SIGCONT)
        rig.recovered(time.monotonic(), f"paused for {paused:.1f} s ({number + 1}/{PAUSES})")
        after = committed(rig.kafka, rig.prefix, rig.group)
        assert all(after[place] >= offset for place, offset in before.items()), (before, after)

    verdict = rig.end({"seed": SEED, "recoveries": rig.recoveries})

    assert len(rig.running) == 2
    uncertain = len(verdict["uncertain"])
    assert uncertain <= LANES * PAUSES
    result(
        f"{PAUSES} pauses, {len(rig.made.records)} leads, 0 lost, 0 duplicated, 0 stale, {uncertain} uncertain; "
        f"recovered after at most {max(rig.recoveries):.1f} s"
    )


def stop_between_transactions(rig: Rig, worker: Process) -> None:
    # A worker that stands still inside a transaction keeps SQLite's only write lock: nobody could be its successor.
    path = make_url(rig.database).database if rig.database.startswith("sqlite") else None
    for _ in range(STOPS):
        worker.send(signal.SIGSTOP)
        time.sleep(0.05)  # it is stopped for each of its threads in turn
        if path is None or not is_locked(path):
            return
        worker.send(signal.SIGCONT)
        time.sleep(0.03)
    raise AssertionError(f"stopped {STOPS} times, each time inside a transaction")


def is_locked(path: str) -> bool:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
        return False


@pytest.mark.timeout(150)
@pytest.mark.parametrize("database", databases("sqlite"), indirect=True)
def test_what_a_paused_worker_still_had_at_work_changes_nothing_that_its_successor_settled(
    rig: Rig, result: Callable[[str], None]
) -> None:
    # One worker has calls on the wire and more of the same batch before it.
    rig.mails.delay_s = rig.webhooks.delay_s = ANSWER_S
    rig.open()
    stale = rig.start_worker()
    rig.publish(as_event(number, person(number)) for number in range(LEADS))
    eventually(lambda: len(rig.mails.lines()), lambda mails: mails > LANES, within=40, every=0.02)
    stop_between_transactions(rig, stale)
    at_work = rig.lag()
    rig.tell(f"paused with {at_work} unsettled")

    # Its successor settles everything.
    successor = rig.start_worker()
    eventually(rig.lag, lambda lag: not lag, within=TAKEN_WITHIN_S + LEADS * ANSWER_S / LANES, every=0.5)
    settled, people = rig.sql(DONE), rig.sql(PEOPLE)
    offsets = committed(rig.kafka, rig.prefix, rig.group)
    code, _ = successor.terminate(within=15)
    rig.tell("the successor settled everything and left")

    # The first one goes on where it was, and is the only one there.
    stale.send(signal.SIGCONT)
    went_on = time.monotonic()
    rig.publish(as_event(FIRST_LATER + number, person(FIRST_LATER + number)) for number in range(20))
    rig.settle(within=TAKEN_WITHIN_S)
    seconds = time.monotonic() - went_on
    rig.tell(f"paused worker settled new leads {seconds:.1f} s after it went on")

    assert at_work, "it was not busy"
    assert code == 0
    assert rig.running == [stale]
    # Not one row that the successor wrote was touched: neither its content nor its time.
    now = {bytes(row[0]): tuple(row) for row in rig.sql(DONE)}
    assert [now[bytes(row[0])] for row in settled] == [tuple(row) for row in settled]
    assert {tuple(row) for row in people} <= {tuple(row) for row in rig.sql(PEOPLE)}
    later = committed(rig.kafka, rig.prefix, rig.group)
    assert all(later[place] >= offset for place, offset in offsets.items())
    verdict = rig.check()
    assert verdict["is_clean"], verdict
    assert verdict["counts"]["mails"] + len(verdict["uncertain"]) >= LEADS + 20
    assert verdict["counts"]["mails"] <= LEADS + 20
    assert seconds < RECOVERS_WITHIN_S + TAKEN_WITHIN_S
    result(
        f"paused with {sum(at_work.values())} records unsettled; {len(settled)} ledger rows and {len(people)} "
        f"contacts of its successor untouched, {len(verdict['uncertain'])} uncertain"
    )
