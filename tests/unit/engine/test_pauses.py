"""An outage or a flood pauses its step, loses nothing, and people can pause steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from streams.clock import to_us
from streams.engine.handover import Records
from streams.store import letters, pauses
from streams.store.pauses import Cancellation
from streams.testing import Cluster, World, event_headers
from tests.support.pausing import (
    FAILURES,
    LANES,
    LETTERS_PER_MINUTE,
    PEOPLE,
    VALIDATE,
    WELCOME,
    Forgetful,
    PausingWorker,
    keep,
    pausing_cluster,
    send_leads,
    unbroken_identity,
)
from tests.support.workflow import RECEIVED
from topics import ids
from topics.events import LeadReceived
from topics.letter import DeadLetter


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def identity() -> Forgetful:
    return unbroken_identity()


@pytest.fixture
def cluster(world: World, identity: Forgetful) -> Iterator[Cluster]:
    with pausing_cluster(world, identity) as cluster:
        yield cluster


@pytest.fixture
def worker(cluster: Cluster) -> PausingWorker:
    return PausingWorker(cluster)


def codes(cluster: Cluster) -> Counter[str]:
    return Counter(DeadLetter.from_headers(record.headers).code for record in cluster.letters)


def statuses(cluster: Cluster) -> dict[str, int]:
    return cluster.database.transact(letters.counts)


async def test_an_outage_pauses_its_step_and_drains_with_one_mail_each(
    cluster: Cluster, worker: PausingWorker, world: World
) -> None:
    send_leads(cluster)
    world.go_down()
    paused = await worker.settle()
    written, reasons = len(cluster.letters), cluster.worker.pauses.now()
    notified = len(world.notes)
    world.come_back()
    cluster.clock.advance(seconds=2)
    still_paused = await worker.settle()
    cluster.clock.advance(minutes=5)
    await cluster.retries.tick()
    await worker.settle()

    assert paused == {WELCOME}
    assert FAILURES <= written < FAILURES + LANES  # those under way are counted, too
    assert [(each.step, each.kind) for each in reasons] == [(WELCOME, "dependency")]
    assert notified == PEOPLE, "the others went on"
    assert still_paused == set()
    assert Counter(mail.to for mail in world.mails) == {
        f"p{number}@example.com": 1 for number in range(PEOPLE)
    }
    assert statuses(cluster) == {"resolved": written}


async def test_what_is_tried_during_an_outage_costs_one_letter_each_time(
    cluster: Cluster, worker: PausingWorker, world: World
) -> None:
    send_leads(cluster)
    world.go_down()
    await worker.settle()
    before = len(cluster.letters)
    for _ in range(3):
        cluster.clock.advance(seconds=20)
        await worker.settle()

    assert len(cluster.letters) == before + 3
    assert world.mails == []


async def test_a_flood_of_defects_pauses_its_step_at_the_limit_and_goes_on_when_they_end(
    cluster: Cluster, worker: PausingWorker, identity: Forgetful
) -> None:
    identity.is_broken = True
    send_leads(cluster)
    paused = await worker.settle()
    written = codes(cluster)
    identity.is_broken = False
    cluster.clock.advance(minutes=1, seconds=1)
    goes_on = await worker.settle()

    assert (paused, written) == ({VALIDATE}, {"DEFECT": LETTERS_PER_MINUTE})
    assert goes_on == set()
    assert len(cluster.letters) == LETTERS_PER_MINUTE


async def test_what_publishers_wrote_wrong_pauses_nothing(cluster: Cluster, worker: PausingWorker) -> None:
    for number in range(PEOPLE):
        cluster.log.append(RECEIVED, b"key", b"{poison", event_headers(f"e-{number}"))

    assert await worker.settle() == set()
    assert len(cluster.letters) == PEOPLE


async def test_what_was_done_before_a_step_paused_is_published_and_the_rest_is_named(
    cluster: Cluster, identity: Forgetful
) -> None:
    identity.is_broken = True
    send_leads(cluster)
    step, records = cluster.workflow.step(VALIDATE), cluster.records(LeadReceived)

    unfinished = await cluster.worker.processor.process(step, Records(records))

    assert codes(cluster) == {"DEFECT": LETTERS_PER_MINUTE}
    assert unfinished.paused_step == VALIDATE
    assert unfinished.of(records) == records[LETTERS_PER_MINUTE:]


async def test_a_retry_that_was_asked_for_waits_with_its_step_and_is_not_lost(
    cluster: Cluster, worker: PausingWorker, world: World
) -> None:
    world.go_down()
    send_leads(cluster, 2)
    await worker.settle()
    cluster.clock.advance(minutes=5)
    await cluster.retries.tick()
    now_us = to_us(cluster.clock())
    cluster.database.transact(lambda found: pauses.pause(found, WELCOME, "an outage", "ada", now_us))
    await keep(cluster)
    await worker.settle()
    world.come_back()
    waiting, mails = statuses(cluster), len(world.mails)
    cluster.database.transact(lambda found: pauses.resume(found, WELCOME))
    await keep(cluster)
    await cluster.retries.tick()
    await worker.settle()

    assert (waiting, mails) == ({"replaying": 2}, 0)
    assert (statuses(cluster), len(world.mails)) == ({"resolved": 2}, 2)


async def test_a_cancelled_run_calls_nobody_and_leaves_no_open_letter(
    cluster: Cluster, worker: PausingWorker, world: World
) -> None:
    now_us = to_us(cluster.clock())
    run = ids.run_id((dict(event_headers("e-0"))["ce_source"] or b"").decode(), "e-0")
    cluster.database.transact(
        lambda found: pauses.cancel(found, [Cancellation(run, "lead-0", "asked us to", "ada", now_us)])
    )
    await keep(cluster)
    send_leads(cluster, 2)
    await worker.settle()

    assert [mail.to for mail in world.mails] == ["p1@example.com"]
    assert (codes(cluster), statuses(cluster)) == ({"CANCELLED": 1}, {"discarded": 1})
