"""A plain replay requests named letters without a plan and reports the outcome of each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import pytest

from streams.dead_letters import replay as replay_module
from streams.dead_letters.replay import NamedLetters, ReplayOutcome, replay_job
from streams.kafka.producer import Outgoing
from streams.store import jobs
from streams.store.letters import LetterRow
from tests.support.replay_harness import ReplayHarness, unreported


class Silent:
    """Broker that never answers."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        await asyncio.Event().wait()


def unexpected(outcome: ReplayOutcome) -> None:
    raise AssertionError(outcome)


async def replayed(
    replays: ReplayHarness, ids: Sequence[str], wait_s: float = 20
) -> tuple[list[ReplayOutcome], NamedLetters]:
    reported: list[ReplayOutcome] = []
    job, named = replay_job(replays.cluster.installation, ids, reported.append, wait_s)
    await replays.run(job)
    return reported, named


def ids_of(replays: ReplayHarness, action: str) -> list[str]:
    return [row.letter.id for row in replays.rows() if row.letter.action == action]


async def test_each_letter_is_reported_once_with_its_status_afterwards(replays: ReplayHarness) -> None:
    await replays.fail_mails(2)
    await replays.publish(b"{poison", "e-poison")
    (poison,), mails = ids_of(replays, "validate-lead"), ids_of(replays, "send-welcome-email")
    await replays.commands.discard(mails[:1], "spam")

    reported, named = await replayed(replays, [poison, *mails])

    assert {each.id: (each.outcome, each.status, each.generation) for each in reported} == {
        poison: ("failed again", "parked", 1),
        mails[0]: ("noop", "discarded", 0),
        mails[1]: ("resolved", "resolved", 0),
    }
    assert len(reported) == 3
    assert (named.pending, len(replays.world.mails)) == ([], 1)


async def test_a_second_replay_of_a_resolved_letter_is_a_noop(replays: ReplayHarness) -> None:
    await replays.fail_mails(1)
    ids = ids_of(replays, "send-welcome-email")
    await replayed(replays, ids)

    again, _ = await replayed(replays, ids)

    assert ([each.outcome for each in again], len(replays.world.mails)) == (["noop"], 1)


async def test_a_letter_without_an_outcome_in_time_is_pending_and_a_worker_requests_it_again(
    replays: ReplayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = count()  # the wait begins with the last request, not with the last look
    monkeypatch.setattr(replay_module, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    await replays.fail_mails(1)
    ids = ids_of(replays, "send-welcome-email")
    job, named = replay_job(replays.cluster.installation, ids, unexpected, 10)

    async with asyncio.timeout(20):
        ended = await job.run(unreported)  # no worker runs

    assert ended.status == "paused"
    assert [(each.id, each.outcome, each.status) for each in named.pending] == [
        (ids[0], "pending", "scheduled")
    ]
    replays.cluster.clock.advance(seconds=61)
    assert await replays.cluster.retries.tick() == 1


async def test_a_replay_without_a_wait_asks_for_all_letters_and_reads_no_outcome(
    replays: ReplayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_module, "BATCH_SIZE", 2)
    await replays.fail_mails(5)
    ids = ids_of(replays, "send-welcome-email")

    reported, named = await replayed(replays, ids, wait_s=0)

    requests = replays.cluster.log.topics[replays.cluster.names.requests]
    assert (reported, [each.id for each in named.pending]) == ([], ids)
    assert len(requests) == 5


async def test_a_replay_claims_no_letter_and_leaves_no_job(replays: ReplayHarness) -> None:
    await replays.fail_mails(2)
    ids = ids_of(replays, "send-welcome-email")
    asked: list[LetterRow] = []
    job, _ = replay_job(replays.cluster.installation, ids, lambda _: asked.extend(replays.rows(ids)), 20)

    await replays.run(job)

    assert {row.job for row in asked} == {None}
    assert replays.cluster.database.transact(lambda link: jobs.latest(link, 1)) == []


async def test_a_letter_that_is_being_replayed_is_requested_again_and_done_once(
    replays: ReplayHarness,
) -> None:
    await replays.fail_mails(1)
    ids = ids_of(replays, "send-welcome-email")
    first, _ = replay_job(replays.cluster.installation, ids, unexpected, 0)
    await first.run(unreported)  # no worker runs
    assert [row.status for row in replays.rows(ids)] == ["replaying"]

    reported, _ = await replayed(replays, ids)

    assert [each.id for each in reported] == ids
    assert len(replays.cluster.log.topics[replays.cluster.names.requests]) == 2
    assert len(replays.world.mails) == 1


async def test_a_broker_that_does_not_answer_ends_the_replay_and_marked_letters_are_pending(
    replays: ReplayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_module, "ANSWER_WITHIN_S", 0.05)
    await replays.fail_mails(1)
    ids = ids_of(replays, "send-welcome-email")
    silent = replace(replays.cluster.installation, publisher=Silent())
    job, named = replay_job(silent, ids, unexpected, 20)

    with pytest.raises(TimeoutError):
        await job.run(unreported)

    assert [each.id for each in named.pending] == ids
    assert [row.status for row in replays.rows(ids)] == ["replaying"]
