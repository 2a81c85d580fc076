"""How replay jobs continue after their process died or slept; uses the fixture `database`."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from streams.dead_letters.job import Job
from streams.dead_letters.job_control import JobError, control, resume
from streams.dead_letters.job_limits import JobOptions
from streams.kafka.producer import PublishError
from tests.suites.replaying import FAST, Replaying, nothing


class ReplayResumingSuite(Replaying):
    async def killed_once_it_has_asked(self, job: Job) -> None:
        """No worker has heard of it yet."""
        running = asyncio.create_task(job.run(nothing))
        while job.letters.asked == {}:
            await asyncio.sleep(0.01)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    async def test_a_job_goes_on_after_its_process_died_and_sends_nothing_twice(self) -> None:
        await self.without_mail_server(10)
        plan = self.plan()
        first = await self.create(
            plan, JobOptions(rate=1e6, max_in_flight=4, canary=(), stop_if_fail=100, yield_to_lag=None)
        )
        await self.killed_once_it_has_asked(first)
        ended = await self.run(await self.resume())

        assert (ended.status, ended.counts) == ("done", {"resolved": 10})
        assert len(self.world.mails) == 10

    async def test_a_job_that_died_before_it_asked_asks_when_it_goes_on(self) -> None:
        await self.without_mail_server(3)
        first = await self.create(self.plan())
        self.cluster.log.is_away = True
        with pytest.raises(PublishError):
            await first.run(nothing)
        self.cluster.log.is_away = False

        self.cluster.clock.advance(seconds=11)  # and was not heard of since
        ended = await self.run(await self.resume())

        assert (ended.status, ended.counts) == ("done", {"resolved": 3})

    async def test_a_job_that_goes_on_does_not_ask_again_for_what_has_failed_meanwhile(self) -> None:
        await self.without_mail_server(2)
        await self.killed_once_it_has_asked(await self.create(self.plan()))
        self.world.go_down()
        await self.cluster.settle()
        requests = self.cluster.log.topics[self.cluster.names.requests]
        asked = len(requests)

        ended = await self.run(await self.resume())

        assert (ended.status, ended.counts, len(requests)) == ("done", {"failed": 2}, asked)
        assert {row.letter.generation for row in self.rows()} == {1}

    async def test_what_was_decided_about_late_welcomes_holds_for_the_process_that_goes_on(self) -> None:
        await self.without_mail_server(1)
        self.cluster.clock.advance(days=3)
        first = await self.create(self.plan("run"), FAST)
        self.cluster.log.is_away = True
        with pytest.raises(PublishError):
            await first.run(nothing)
        self.cluster.log.is_away = False

        self.cluster.clock.advance(seconds=11)
        ended = await self.run(await self.resume())

        assert (ended.counts, len(self.world.mails)) == ({"resolved": 1}, 1)

    async def test_a_process_that_woke_up_late_leaves_its_job_to_the_one_that_took_it_over(self) -> None:
        await self.without_mail_server(3)
        sleeper = await self.create(self.plan())
        with pytest.raises(JobError, match="runs already"):
            await self.resume()
        assert [entry["act"] for entry in self.audited()] == ["apply"]
        self.cluster.clock.advance(seconds=11)
        second = await self.resume()

        woken = await self.run(sleeper)
        ended = await self.run(second)

        assert (woken.message, woken.counts) == ("another process goes on with it", {"waiting": 3})
        assert (ended.status, ended.counts, len(self.world.mails)) == ("done", {"resolved": 3}, 3)

    async def test_of_two_that_would_go_on_with_a_job_one_does(self) -> None:
        await self.without_mail_server(1)
        await self.create(self.plan())
        row = self.latest()
        await control(self.commands, row, "paused", "lunch")
        row = self.latest()

        await resume(self.commands, row, "back")

        with pytest.raises(JobError, match="runs already"):
            await resume(self.commands, row, "back, too")

    async def test_a_process_whose_job_was_taken_over_asks_for_nothing_more_and_ends_nothing(self) -> None:
        await self.without_mail_server(3)
        sleeper = await self.create(self.plan())
        self.cluster.clock.advance(seconds=11)
        await self.resume()

        asked = [batch async for batch in sleeper.letters.take(3)]
        await sleeper.letters.end("stopped", "5 of 5 failed")

        assert (asked, {row.status for row in self.rows()}) == ([], {"scheduled"})
        assert (self.latest().status, self.latest().message) == ("running", None)
