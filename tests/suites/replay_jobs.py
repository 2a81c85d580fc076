"""This file says how plans are carried out; subclass it and give the fixture `database`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Literal, get_args

import orjson
import pytest

from actions.errors import PermanentError
from actions.ports import Mail
from streams.dead_letters.audit import Audit
from streams.dead_letters.beginning import Begun, JobError, begin, control, go_on
from streams.dead_letters.desk import Desk
from streams.dead_letters.job import Job
from streams.dead_letters.pace import Options, Progress
from streams.dead_letters.patching import Patch
from streams.dead_letters.plan import Plan, PlanWriter, read_plan
from streams.dead_letters.preview import Preview
from streams.onboarding import ONBOARDING
from streams.processing.failures import app_version
from streams.processing.publishing import PublishError
from streams.store import jobs, ledger, letters
from streams.store.engine import Database
from streams.store.jobs import ItemRow, ItemState
from streams.store.ledger import LedgerRow
from streams.store.letters import LetterRow
from streams.testing.cluster import GROUP, Cluster
from streams.testing.leads import event_headers, lead
from streams.testing.world import World, adapters_of
from topics.events import LeadReceived

FAST = Options(rate=1e6, canary=(), stop_if_fail=100, yield_to_lag=None)
Stale = Literal["run", "skip"]


def nothing(_: Progress) -> None:
    """Tell nobody."""


class ReplayJobsSuite:
    @pytest.fixture(autouse=True)
    def opened(self, database: Database, tmp_path: Path) -> None:
        self.world = World()
        self.cluster = Cluster(ONBOARDING, adapters_of(self.world), database)
        self.folder = tmp_path
        cluster = self.cluster
        audit = Audit(cluster.log, cluster.names, cluster.clock, "ann")
        self.desk = Desk(cluster.database, cluster.log, cluster.names, cluster.clock, audit)

    # ------------------------------------------------------------------------------------------------ acting

    async def publish(self, value: bytes, event_id: str) -> None:
        topic = self.cluster.names.of(LeadReceived)
        time = self.cluster.clock().isoformat().replace("+00:00", "Z")
        self.cluster.log.append(topic, None, value, event_headers(event_id, time=time))
        await self.cluster.settle()

    async def without_mail_server(self, number: int) -> None:
        """As many welcome mails as asked for become letters."""
        self.world.go_down()
        for each in range(number):
            await self.publish(lead(email=f"p{each}@example.com"), f"e-{each}")
        self.world.come_back()

    def preview(self) -> Preview:
        cluster = self.cluster
        return Preview(
            ONBOARDING,
            cluster.adapters,
            database=cluster.database,
            names=cluster.names,
            group=GROUP,
            clock=cluster.clock,
        )

    def plan(self, stale: Stale | None = None) -> Plan:
        file = BytesIO()
        writer = PlanWriter(file, made="now", app_version=app_version(), selector="--all", stale=stale)
        for row, found in self.preview().of([row.letter.id for row in self.rows()], stale=stale):
            writer.add(row, found)
        writer.end()
        path = self.folder / "plan.ndjson"
        path.write_bytes(file.getvalue())
        return read_plan(path)

    async def begin(self, plan: Plan, options: Options = FAST) -> Job:
        begun = await begin(self.desk, plan, options, "mended")
        return self.process(begun)

    async def go_on(self) -> Job:
        (row,) = self.cluster.database.transact(lambda link: jobs.latest(link, 1))
        return self.process(await go_on(self.desk, row, "go on"))

    def process(self, begun: Begun) -> Job:
        cluster, preview = self.cluster, self.preview()
        options = begun.options
        return Job(
            begun.id,
            begun.holder,
            cluster.database,
            cluster.log,
            cluster.names,
            cluster.clock,
            lambda ids: preview.of(ids, stale=options.stale),
            options,
            begun.letters,
        )

    async def run(self, job: Job) -> Progress:
        """Let the job run beside a worker."""

        async def work() -> None:
            while True:
                await self.cluster.settle()
                await asyncio.sleep(0.01)

        working = asyncio.create_task(work())
        try:
            async with asyncio.timeout(20):
                return await job.run(nothing)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working

    # ----------------------------------------------------------------------------------------------- looking

    def rows(self, ids: Sequence[str] | None = None) -> list[LetterRow]:
        if ids is None:
            return self.cluster.database.transact(letters.find)
        return self.cluster.database.transact(lambda link: letters.get(link, ids))

    def items(self, job: Job) -> list[ItemRow]:
        return self.cluster.database.transact(
            lambda link: jobs.items(link, job.id, get_args(ItemState), 1000)
        )

    # ------------------------------------------------------------------------------------------------- tests

    async def test_what_a_plan_says_is_what_comes_of_each_letter(self) -> None:
        await self.without_mail_server(7)
        await self.publish(b"{poison", "e-poison")
        plan = self.plan()

        ended = await self.run(await self.begin(plan))

        assert ended.status == "done"
        assert ended.counts == {"resolved": 7, "skipped": 1}
        assert sorted(mail.to for mail in self.world.mails) == [f"p{each}@example.com" for each in range(7)]
        assert self.rows()[0].letter.code == "NOT_JSON"

    async def test_each_letter_is_compared_with_its_plan(self) -> None:
        await self.without_mail_server(2)
        plan = self.plan()
        job = await self.begin(plan)

        def refuse_one(mail: Mail) -> None:
            if mail.to == "p1@example.com":
                raise PermanentError("SMTP_REFUSED", "no such mailbox")

        self.world.fail = refuse_one
        await self.run(job)

        assert {(item.state, item.found) for item in self.items(job)} == {
            ("resolved", None),
            ("failed", "failed again: SMTP_REFUSED, not as planned"),
        }

    async def test_a_canary_stops_at_its_first_letter_and_leaves_the_others_untouched(self) -> None:
        await self.without_mail_server(15)
        self.world.go_down()
        job = await self.begin(
            self.plan(), Options(rate=1e6, canary=(1, 10), stop_if_fail=5, yield_to_lag=None)
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
        options = Options(rate=1e6, canary=(1, 10), stop_if_fail=5, yield_to_lag=None)
        job = await self.begin(self.plan(), options)
        await self.run(job)
        self.world.come_back()

        ended = await self.run(await self.go_on())

        assert (ended.status, ended.counts) == ("done", {"failed": 1, "resolved": 14})

    async def test_a_letter_that_has_changed_since_the_plan_is_left_out_and_told(self) -> None:
        await self.without_mail_server(3)
        plan = self.plan()
        edited, again, _ = (item.id for item in plan.items)
        cluster = self.cluster
        done = await self.desk.edit(
            [edited], Patch("edit", [{"op": "add", "path": "/owner/name", "value": "X"}]), "why"
        )
        (row,) = self.rows([again])
        worse = row.letter.__class__.from_headers(
            [(n, b"1" if n.endswith(".generation") else v) for n, v in row.letter.headers()]
        )
        cluster.database.transact(
            lambda link: letters.index(
                link, [LetterRow("parked", None, worse, None, row.key, row.value, row.headers)], 0
            )
        )

        job = await self.begin(plan)
        await self.run(job)

        assert done.changed == [edited]
        assert [(item.state, item.found) for item in self.items(job)] == [
            ("skipped", "its record was edited since"),
            ("skipped", f"it has failed again since: {row.letter.code}"),
            ("resolved", None),
        ]

    async def test_a_replay_that_would_come_to_something_else_now_is_left_out(self) -> None:
        self.world.go_down()
        await self.publish(lead(email="ada@example.com"), "e-1")
        plan = self.plan()
        self.world.come_back()
        await self.publish(lead(email="ada@example.com"), "e-2")  # welcomes her meanwhile

        job = await self.begin(plan)
        await self.run(job)

        (item,) = self.items(job)
        assert item.state == "skipped"
        assert "outcome sent -> skipped" in (item.found or "")

    async def test_a_letter_belongs_to_one_job_at_a_time(self) -> None:
        await self.without_mail_server(2)
        plan = self.plan()
        first = await self.begin(plan)

        second = await self.begin(plan)
        told = [item.state for item in self.items(second)]
        await self.run(first)

        assert told == ["skipped", "skipped"]
        assert len(self.world.mails) == 2
        assert {row.job for row in self.rows([item.id for item in plan.items])} == {None}

    async def test_a_job_goes_on_after_its_process_died_and_sends_nothing_twice(self) -> None:
        await self.without_mail_server(10)
        plan = self.plan()
        first = await self.begin(
            plan, Options(rate=1e6, max_in_flight=4, canary=(), stop_if_fail=100, yield_to_lag=None)
        )
        running = asyncio.create_task(first.run(nothing))
        while first._asked == {}:
            await asyncio.sleep(0.01)
        running.cancel()  # no worker has heard of it yet
        with suppress(asyncio.CancelledError):
            await running
        ended = await self.run(await self.go_on())

        assert (ended.status, ended.counts) == ("done", {"resolved": 10})
        assert len(self.world.mails) == 10

    async def test_a_job_that_died_before_it_asked_asks_when_it_goes_on(self) -> None:
        await self.without_mail_server(3)
        first = await self.begin(self.plan())
        self.cluster.log.is_away = True
        with pytest.raises(PublishError):
            await first.run(nothing)
        self.cluster.log.is_away = False

        self.cluster.clock.advance(seconds=11)  # and was not heard of since
        ended = await self.run(await self.go_on())

        assert (ended.status, ended.counts) == ("done", {"resolved": 3})

    async def test_a_cancelled_job_lets_its_letters_go(self) -> None:
        await self.without_mail_server(2)
        job = await self.begin(self.plan())
        (row,) = self.cluster.database.transact(lambda link: jobs.latest(link, 1))

        await control(self.desk, row, "cancelled", "not now")
        ended = await self.run(job)

        assert (ended.status, ended.counts, self.world.mails) == ("cancelled", {"skipped": 2}, [])
        assert {row.job for row in self.rows()} == {None}

    @pytest.mark.parametrize(
        ("stale", "counts", "mails"),
        [(None, {"skipped": 1}, 0), ("skip", {"resolved": 1}, 0), ("run", {"resolved": 1}, 1)],
    )
    async def test_a_welcome_that_is_three_days_late_asks_and_does_what_is_decided(
        self, stale: Stale | None, counts: dict[str, int], mails: int
    ) -> None:
        await self.without_mail_server(1)
        self.cluster.clock.advance(days=3)
        plan = self.plan(stale)
        options = Options(rate=1e6, canary=(), stop_if_fail=100, yield_to_lag=None, stale=stale)

        job = await self.begin(plan, options)
        ended = await self.run(job)

        (item,) = self.items(job)
        assert (ended.counts, len(self.world.mails)) == (counts, mails)
        assert item.found == ("it would fail again: STALE" if stale is None else None)

    async def test_what_would_fail_again_is_asked_for_only_when_somebody_insists(self) -> None:
        await self.publish(b"{poison", "e-poison")
        plan = self.plan()

        gently = await self.begin(plan)
        await self.run(gently)
        forced = await self.begin(
            plan, Options(rate=1e6, canary=(), stop_if_fail=100, yield_to_lag=None, is_forced=True)
        )
        await self.run(forced)

        assert [item.found for item in self.items(gently)] == ["it would fail again: NOT_JSON"]
        assert [item.found for item in self.items(forced)] == ["failed again: NOT_JSON"]

    async def test_what_was_refused_for_good_is_not_asked_for_until_something_has_changed(self) -> None:
        def refuse(_: Mail) -> None:
            raise PermanentError("SMTP_REFUSED", "no such mailbox")

        self.world.fail = refuse
        await self.publish(lead(email="ada@example.com"), "e-1")
        self.world.come_back()
        plan = self.plan()
        (planned,) = plan.items

        unchanged = await self.begin(plan)
        await self.run(unchanged)
        edit = Patch("edit", [{"op": "add", "path": "/owner/name", "value": "X"}])
        self.cluster.clock.advance(seconds=1)
        await self.desk.edit([planned.id], edit, "another name")
        repaired = await self.begin(self.plan())
        await self.run(repaired)

        why = "neither its record nor the build has changed since it failed: SMTP_REFUSED"
        assert planned.would["verdict"] == "would-resolve"
        assert [(item.state, item.found) for item in self.items(unchanged)] == [("skipped", why)]
        assert [(item.state, item.found) for item in self.items(repaired)] == [("resolved", None)]

    async def test_a_process_that_woke_up_late_leaves_its_job_to_the_one_that_took_it_over(self) -> None:
        await self.without_mail_server(3)
        sleeper = await self.begin(self.plan())
        with pytest.raises(JobError, match="runs already"):
            await self.go_on()
        self.cluster.clock.advance(seconds=11)
        second = await self.go_on()

        woken = await self.run(sleeper)
        ended = await self.run(second)

        assert (woken.message, woken.counts) == ("another process goes on with it", {"waiting": 3})
        assert (ended.status, ended.counts, len(self.world.mails)) == ("done", {"resolved": 3}, 3)

    async def test_of_two_that_would_go_on_with_a_job_one_does(self) -> None:
        await self.without_mail_server(1)
        await self.begin(self.plan())
        (row,) = self.cluster.database.transact(lambda link: jobs.latest(link, 1))
        await control(self.desk, row, "paused", "lunch")
        (row,) = self.cluster.database.transact(lambda link: jobs.latest(link, 1))

        await go_on(self.desk, row, "back")

        with pytest.raises(JobError, match="runs already"):
            await go_on(self.desk, row, "back, too")

    async def test_what_a_plan_says_will_follow_comes_true(self) -> None:
        for number, (email, company) in enumerate([("a", "One"), ("b", "One"), ("a", "Two")]):
            broken = {
                "email": f"{email}@example.com",
                "company": company,
                "country": 49,
                "lead_id": f"L{number}",
            }
            await self.publish(orjson.dumps(broken), f"e-{number}")
            self.cluster.clock.advance(seconds=1)
        strip = Patch("recipe", [{"op": "remove", "path": "/country"}])
        await self.desk.edit([row.letter.id for row in self.rows()], strip, "why")
        plan = self.plan()

        ended = await self.run(await self.begin(plan))
        await self.cluster.settle()

        assert (ended.status, ended.counts) == ("done", {"resolved": 3})
        for number, item in enumerate(plan.items):
            rows = self.cluster.database.transact(partial(ledger.of_lead, lead_id=f"L{number}"))
            came = {row.action: (row.result_type, said_by(row)) for row in rows}
            then = item.would["then"]
            assert [each["action"] for each in then][-2:] == ["send-welcome-email", "notify-owner"]
            for each in then:
                planned = (each.get("outcome"), each.get("changes", []))
                assert came[each["action"]] == (each["event"], planned)
        mails = [call["state"] for item in plan.items for call in item.would["then"][3].get("calls", [])]
        assert mails == ["goes-out", "goes-out", "held"]
        assert len(self.world.mails) == 2

    async def test_a_letter_whose_welcome_would_follow_three_days_late_is_asked_about(self) -> None:
        await self.publish(b'{"email": "a@example.com", "country": 49}', "e-1")
        self.cluster.clock.advance(days=3)
        (row,) = self.rows()
        await self.desk.edit([row.letter.id], Patch("edit", [{"op": "remove", "path": "/country"}]), "why")

        asks = await self.begin(self.plan())
        await self.run(asks)
        runs = await self.begin(self.plan("run"))
        await self.run(runs)

        why = "send-welcome-email would follow late; a plan with `--stale run` lets it"
        assert [(item.state, item.found) for item in self.items(asks)] == [("skipped", why)]
        assert [item.state for item in self.items(runs)] == ["resolved"]


def said_by(row: LedgerRow) -> tuple[str | None, list[str]]:
    """What an event says of its outcome, and of the fields it changed."""
    body = orjson.loads(row.result or b"{}")
    return body.get("outcome"), sorted(body.get("changed", []))
