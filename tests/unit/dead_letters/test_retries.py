"""Due retries are requested once per lease, wait while their step pauses, and end with a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from streams.dead_letters import retries
from streams.dead_letters.retries import LEASE, RetryTimer, request
from streams.engine.pauses import PauseRules, Pauses
from streams.kafka.producer import Outgoing, PublishError
from streams.store import letters
from streams.testing import Cluster, World, lead
from tests.support.letter_harness import NAMES, LetterHarness
from tests.support.letters import BODY, MAIL, lettered, row
from tests.support.workflow import RECEIVED, letter_of
from topics.envelope import timestamp
from topics.letter import DeadLetter

STEP = "send_welcome_email"


def schedule(
    harness: LetterHarness,
    numbers: range,
    after: timedelta = timedelta(),
    **fields: Any,  # noqa: ANN401 - fields of a letter
) -> list[str]:
    """Index scheduled letters that are due so long after now."""
    due = timestamp(harness.clock() + after)
    return harness.index(*(row(each, status="scheduled", next_attempt=due, **fields) for each in numbers))


def requested(harness: LetterHarness) -> list[str]:
    """Return the ids of the letters on the requests topic, in order."""
    return [DeadLetter.from_headers(list(record.headers)).id for record in harness.log.topics[NAMES.requests]]


def test_a_request_is_the_original_record_with_the_headers_of_its_letter_and_job() -> None:
    failed = lettered(1)

    out = request(failed, NAMES, job="job-1")

    headers = [("ce_id", b"e-1"), *replace(failed.letter, replay_job="job-1").headers()]
    assert out == Outgoing(NAMES.requests, b"key", BODY, headers)


async def test_all_due_letters_are_requested_once_until_their_lease_ends(
    harness: LetterHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "BATCH_SIZE", 2)
    timer = RetryTimer(harness.installation)
    due = schedule(harness, range(1, 6))
    schedule(harness, range(6, 8), timedelta(microseconds=1))

    counts = [await timer.tick(), await timer.tick()]
    harness.clock.advance(seconds=LEASE.total_seconds())
    counts.append(await timer.tick())

    assert counts == [5, 0, 7]
    assert sorted(requested(harness)[:5]) == due


async def test_a_request_that_the_broker_refused_is_repeated_after_its_lease(harness: LetterHarness) -> None:
    timer = RetryTimer(harness.installation)
    due = schedule(harness, range(1, 2))
    harness.log.is_away = True
    with pytest.raises(PublishError):
        await timer.tick()
    harness.log.is_away = False

    early = await timer.tick()
    harness.clock.advance(seconds=LEASE.total_seconds())

    assert (early, await timer.tick(), requested(harness)) == (0, 1, due)


async def test_retries_of_a_paused_step_wait_and_one_of_them_is_the_probe(harness: LetterHarness) -> None:
    pauses = Pauses({STEP: ["mail"]}, PauseRules(failures=1, probe_after=timedelta(seconds=1)), harness.clock)
    timer = RetryTimer(harness.installation, pauses)
    mails = schedule(harness, range(1, 4), timedelta(), **MAIL)
    others = schedule(harness, range(4, 6))
    permit = pauses.begin(STEP)
    assert permit is not None
    permit.record("transient", has_called=True)

    while_paused = await timer.tick()
    harness.clock.advance(seconds=1)
    with_probe = await timer.tick()

    assert (while_paused, with_probe) == (2, 1)
    assert requested(harness)[:2] == others
    assert set(requested(harness)[2:]) < set(mails)


async def test_a_retry_that_fails_again_is_the_same_letter_one_generation_on_until_a_person_is_asked(
    cluster: Cluster, world: World
) -> None:
    world.go_down()
    cluster.log.append(RECEIVED, None, lead())
    await cluster.settle()

    for minutes in (1, 3, 13, 80, 450):
        cluster.clock.advance(minutes=minutes)
        await cluster.retries.tick()
        await cluster.settle()

    written = [letter_of(record) for record in cluster.letters]
    assert [letter.generation for letter in written] == [0, 1, 2, 3, 4, 5]
    assert len({(letter.id, letter.first_time, letter.offset) for letter in written}) == 1
    assert [letter.next_attempt is None for letter in written] == [False] * 5 + [True]
    (row,) = await cluster.database.run(letters.find)
    assert row.status == "parked"


async def test_a_retry_without_an_outcome_is_requested_again_after_its_lease(
    cluster: Cluster, world: World
) -> None:
    world.go_down()
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()
    cluster.clock.advance(minutes=1)

    asked = [await cluster.retries.tick()]
    for seconds in (59, 2):
        cluster.clock.advance(seconds=seconds)
        asked.append(await cluster.retries.tick())

    assert asked == [1, 0, 1]
