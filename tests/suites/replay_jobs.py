"""How replay jobs are carried out; uses the fixture `database`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from streams.dead_letters import job as job_module
from streams.dead_letters import job_limits, planned_letters
from streams.dead_letters.audit import Audit, AuditError
from streams.dead_letters.job_control import control, create, resume
from streams.dead_letters.job_limits import JobOptions, JobProgress
from streams.dead_letters.letter_commands import LetterCommands
from streams.kafka.producer import Outgoing, PublishError
from streams.operations.pruning import Pruner
from streams.store import jobs
from tests.suites.replaying import FAST, Replaying, nothing


class Refusing:
    """A broker that takes nothing."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        raise PublishError(f"{len(records)} records were not taken")


class ReplayJobsSuite(Replaying):
    async def test_a_canary_stops_at_its_first_letter_and_leaves_the_others_untouched(self) -> None:
        await self.without_mail_server(15)
        self.world.go_down()
        job = await self.create(
            self.plan(), JobOptions(rate=1e6, canary=(1, 10), stop_if_fail=5, yield_to_lag=None)
        )

        ended = await self.run(job)

        first, *others = self.items(job)
        assert (ended.status, ended.counts) == ("stopped", {"failed": 1, "waiting": 14})
        assert ended.message is not None
        assert first.letter_id in ended.message
        assert {row.letter.generation for row in self.rows([item.letter_id for item in others])} == {0}

    async def test_a_job_that_stopped_goes_on_when_the_cause_is_mended(self) -> None:
        await self.without_mail_server(15)
        self.world.go_down()
        options = JobOptions(rate=1e6, canary=(1, 10), stop_if_fail=5, yield_to_lag=None)
        job = await self.create(self.plan(), options)
        await self.run(job)
        self.world.come_back()

        ended = await self.run(await self.resume())

        assert (ended.status, ended.counts) == ("done", {"failed": 1, "resolved": 14})

    async def test_a_letter_belongs_to_one_job_at_a_time(self) -> None:
        await self.without_mail_server(2)
        plan = self.plan()
        first = await self.create(plan)

        second = await self.create(plan)
        progress_reports = [item.state for item in self.items(second)]
        await self.run(first)

        assert progress_reports == ["skipped", "skipped"]
        assert len(self.world.mails) == 2
        assert {row.job for row in self.rows([item.id for item in plan.items])} == {None}

    async def test_a_cancelled_job_lets_its_letters_go(self) -> None:
        await self.without_mail_server(2)
        job = await self.create(self.plan())
        row = self.latest()

        await control(self.commands, row, "cancelled", "not now")
        ended = await self.run(job)

        assert (ended.status, ended.counts, self.world.mails) == ("cancelled", {"skipped": 2}, [])
        assert {row.job for row in self.rows()} == {None}

    async def test_a_job_asks_for_nothing_while_live_traffic_is_behind(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(job_limits, "LAG_EVERY_S", 0.05)
        await self.without_mail_server(3)
        behind = [50, 50, 50, 7]
        claimed = await create(self.commands, self.plan(), JobOptions(canary=(), yield_to_lag=10), "mended")
        progress_reports: list[JobProgress] = []

        async def lag() -> int:
            return behind.pop(0) if len(behind) > 1 else behind[0]

        ended = await self.run(self.process(claimed, lag), progress_reports.append)

        waited = [each for each in progress_reports if each.waits_for is not None]
        assert "live traffic, 50 records behind" in {each.waits_for for each in waited}
        assert {each.counts.get("waiting") for each in waited} == {3}
        assert (ended.status, ended.counts) == ("done", {"resolved": 3})

    async def test_a_job_that_cannot_see_live_traffic_ends_with_the_reason_and_can_go_on(self) -> None:
        await self.without_mail_server(1)
        claimed = await create(self.commands, self.plan(), JobOptions(canary=(), yield_to_lag=10), "mended")

        async def lag() -> int:
            raise ConnectionError("no broker")

        with pytest.raises(ConnectionError, match="no broker"):
            await self.run(self.process(claimed, lag))

        assert {row.status for row in self.rows()} == {"scheduled"}

    async def test_a_job_without_any_outcome_pauses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(planned_letters, "SILENT_S", 0.05)
        await self.without_mail_server(1)
        job = await self.create(self.plan())

        async with asyncio.timeout(20):
            ended = await job.run(nothing)  # beside no worker

        assert (ended.status, ended.counts) == ("paused", {"asked": 1})
        assert "is `leads worker` running?" in (ended.message or "")

    async def test_a_job_asks_for_no_more_than_its_rate_allows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(job_module, "time", SimpleNamespace(monotonic=lambda: 0.0))  # it stands still
        await self.without_mail_server(5)
        job = await self.create(self.plan(), JobOptions(rate=5, canary=(), yield_to_lag=None))
        progress_reports: list[JobProgress] = []

        def enough(progress: JobProgress) -> None:
            progress_reports.append(progress)
            if len(progress_reports) == 20:
                raise TimeoutError

        with pytest.raises(TimeoutError):
            await self.run(job, enough)

        assert progress_reports[-1].counts == {"resolved": 1, "waiting": 4}

    async def test_nothing_of_a_job_is_done_that_the_audit_topic_does_not_take(self) -> None:
        await self.without_mail_server(1)
        plan, cluster = self.plan(), self.cluster
        audit = Audit(replace(cluster.installation, publisher=Refusing()), "ann")
        refused = LetterCommands(cluster.installation, audit)
        with pytest.raises(AuditError):
            await create(refused, plan, FAST, "mended")
        before = cluster.database.transact(lambda link: jobs.latest(link, 1))
        await self.create(plan)

        with pytest.raises(AuditError):
            await control(refused, self.latest(), "paused", "lunch")
        with pytest.raises(AuditError):
            await refused.reveal(plan.items[0].id, "ticket")
        cluster.clock.advance(seconds=11)
        stale = self.latest()
        with pytest.raises(AuditError):
            await resume(refused, stale, "back")

        assert before == []
        assert self.latest() == stale
        assert stale.status == "running"

    async def test_an_old_job_is_forgotten_and_lets_its_letters_go(self) -> None:
        await self.without_mail_server(2)
        job = await self.create(self.plan())
        await control(self.commands, self.latest(), "paused", "and forgotten")
        cluster = self.cluster
        cluster.clock.advance(days=36)
        await self.commands.keep([row.letter.id for row in self.rows()], "the letters are not")

        await Pruner(cluster.installation, timedelta(days=35)).tick()

        assert cluster.database.transact(lambda link: jobs.latest(link, 1)) == []
        assert self.items(job) == []
        assert [(row.status, row.job) for row in self.rows()] == [("scheduled", None)] * 2
