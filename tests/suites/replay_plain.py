"""How named letters are replayed without a plan; subclass the suite and give the fixture `database`."""

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
from tests.suites.replaying import Replaying, nothing


class Silent:
    """A broker that never answers."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        await asyncio.Event().wait()


class ReplayPlainSuite(Replaying):
    async def replayed(
        self, ids: Sequence[str], wait_s: float = 20
    ) -> tuple[list[ReplayOutcome], NamedLetters]:
        reported: list[ReplayOutcome] = []
        job, named = replay_job(self.cluster.installation, ids, reported.append, wait_s)
        await self.run(job)
        return reported, named

    def ids(self, action: str) -> list[str]:
        return [row.letter.id for row in self.rows() if row.letter.action == action]

    async def test_each_letter_ends_as_one_outcome_with_what_it_is_then(self) -> None:
        await self.without_mail_server(2)
        await self.publish(b"{poison", "e-poison")
        (poison,), mails = self.ids("validate-lead"), self.ids("send-welcome-email")
        await self.commands.discard(mails[:1], "spam")

        reported, named = await self.replayed([poison, *mails])

        assert {each.id: (each.outcome, each.status, each.generation) for each in reported} == {
            poison: ("failed again", "parked", 1),
            mails[0]: ("noop", "discarded", 0),
            mails[1]: ("resolved", "resolved", 0),
        }
        assert len(reported) == 3
        assert (named.pending, len(self.world.mails)) == ([], 1)

    async def test_what_was_done_meanwhile_is_done_once(self) -> None:
        await self.without_mail_server(1)
        ids = self.ids("send-welcome-email")
        await self.replayed(ids)

        again, _ = await self.replayed(ids)

        assert ([each.outcome for each in again], len(self.world.mails)) == (["noop"], 1)

    async def test_a_letter_without_an_outcome_in_time_is_pending_and_asked_for_again_by_a_worker(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seconds = count()  # the wait begins when all were asked for, and not with the last look
        monkeypatch.setattr(replay_module, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
        await self.without_mail_server(1)
        ids = self.ids("send-welcome-email")
        job, named = replay_job(self.cluster.installation, ids, unexpected, 10)

        async with asyncio.timeout(20):
            ended = await job.run(nothing)  # beside no worker

        assert ended.status == "paused"
        assert [(each.id, each.outcome, each.status) for each in named.pending] == [
            (ids[0], "pending", "scheduled")
        ]
        self.cluster.clock.advance(seconds=61)
        assert await self.cluster.retries.tick() == 1

    async def test_who_waits_for_nothing_asks_for_all_and_looks_at_no_outcome(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replay_module, "BATCH_SIZE", 2)
        await self.without_mail_server(5)
        ids = self.ids("send-welcome-email")

        reported, named = await self.replayed(ids, wait_s=0)

        requests = self.cluster.log.topics[self.cluster.names.requests]
        assert (reported, [each.id for each in named.pending]) == ([], ids)
        assert len(requests) == 5

    async def test_a_replay_takes_no_letter_in_hand_and_is_no_job(self) -> None:
        await self.without_mail_server(2)
        ids = self.ids("send-welcome-email")
        asked: list[LetterRow] = []
        job, _ = replay_job(self.cluster.installation, ids, lambda _: asked.extend(self.rows(ids)), 20)

        await self.run(job)

        assert {row.job for row in asked} == {None}
        assert self.cluster.database.transact(lambda link: jobs.latest(link, 1)) == []

    async def test_a_letter_that_is_being_replayed_is_asked_for_once_more_and_done_once(self) -> None:
        await self.without_mail_server(1)
        ids = self.ids("send-welcome-email")
        first, _ = replay_job(self.cluster.installation, ids, unexpected, 0)
        await first.run(nothing)  # beside no worker
        assert [row.status for row in self.rows(ids)] == ["replaying"]

        reported, _ = await self.replayed(ids)

        assert [each.id for each in reported] == ids
        assert len(self.cluster.log.topics[self.cluster.names.requests]) == 2
        assert len(self.world.mails) == 1

    async def test_a_broker_that_does_not_answer_ends_it_and_what_was_marked_counts_as_pending(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replay_module, "ANSWER_WITHIN_S", 0.05)
        await self.without_mail_server(1)
        ids = self.ids("send-welcome-email")
        silent = replace(self.cluster.installation, publisher=Silent())
        job, named = replay_job(silent, ids, unexpected, 20)

        with pytest.raises(TimeoutError):
            await job.run(nothing)

        assert [each.id for each in named.pending] == ids
        assert [row.status for row in self.rows(ids)] == ["replaying"]


def unexpected(outcome: ReplayOutcome) -> None:
    raise AssertionError(outcome)
