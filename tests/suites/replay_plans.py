"""Whether the predictions of a plan come true; uses the fixture `database`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import orjson
import pytest

from actions.errors import PermanentError
from actions.ports import Mail
from streams.dead_letters.job import outcomes
from streams.dead_letters.job_limits import JobOptions, JobProgress
from streams.dead_letters.patching import Patch
from streams.dead_letters.planned_letters import marks_of
from streams.store import ledger, letters
from streams.store.ledger import LedgerRow
from streams.store.letters import LetterRow
from streams.testing.cluster import GROUP
from streams.testing.leads import lead
from tests.suites.replaying import Replaying, Stale
from topics.events import LeadAssigned


class ReplayPlansSuite(Replaying):
    async def test_each_letter_ends_as_the_plan_predicts(self) -> None:
        await self.without_mail_server(7)
        await self.publish(b"{poison", "e-poison")
        plan = self.plan()

        ended = await self.run(await self.create(plan))

        assert ended.status == "done"
        assert ended.counts == {"resolved": 7, "skipped": 1}
        assert sorted(mail.to for mail in self.world.mails) == [f"p{each}@example.com" for each in range(7)]
        assert self.rows()[0].letter.code == "NOT_JSON"

    async def test_each_letter_is_compared_with_its_plan(self) -> None:
        await self.without_mail_server(2)
        plan = self.plan()
        job = await self.create(plan)

        def refuse_one(mail: Mail) -> None:
            if mail.to == "p1@example.com":
                raise PermanentError("SMTP_REFUSED", "no such mailbox")

        self.world.fail = refuse_one
        await self.run(job)

        assert {(item.state, item.found) for item in self.items(job)} == {
            ("resolved", None),
            ("failed", "failed again: SMTP_REFUSED, not as planned"),
        }

    async def test_a_letter_that_has_changed_since_the_plan_is_skipped_and_reported(self) -> None:
        await self.without_mail_server(3)
        plan = self.plan()
        edited, again, _ = (item.id for item in plan.items)
        cluster = self.cluster
        done = await self.commands.edit(
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

        job = await self.create(plan)
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

        job = await self.create(plan)
        await self.run(job)

        (item,) = self.items(job)
        assert item.state == "skipped"
        assert "outcome sent -> skipped" in (item.found or "")

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
        options = JobOptions(rate=1e6, canary=(), stop_if_fail=100, yield_to_lag=None)

        job = await self.create(plan, options)
        ended = await self.run(job)

        (item,) = self.items(job)
        assert (ended.counts, len(self.world.mails)) == (counts, mails)
        assert item.found == ("it would fail again: STALE" if stale is None else None)

    async def test_what_would_fail_again_is_asked_for_only_when_somebody_insists(self) -> None:
        await self.publish(b"{poison", "e-poison")
        plan = self.plan()

        gently = await self.create(plan)
        await self.run(gently)
        forced = await self.create(
            plan, JobOptions(rate=1e6, canary=(), stop_if_fail=100, yield_to_lag=None, is_forced=True)
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

        unchanged = await self.create(plan)
        await self.run(unchanged)
        edit = Patch("edit", [{"op": "add", "path": "/owner/name", "value": "X"}])
        self.cluster.clock.advance(seconds=1)
        await self.commands.edit([planned.id], edit, "another name")
        repaired = await self.create(self.plan())
        await self.run(repaired)

        why = "neither its record nor the build has changed since it failed: SMTP_REFUSED"
        assert planned.would["verdict"] == "would-resolve"
        assert [(item.state, item.found) for item in self.items(unchanged)] == [("skipped", why)]
        assert [(item.state, item.found) for item in self.items(repaired)] == [("resolved", None)]

    async def test_the_steps_that_follow_end_as_the_plan_predicts(self) -> None:
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
        await self.commands.edit([row.letter.id for row in self.rows()], strip, "why")
        plan = self.plan()

        ended = await self.run(await self.create(plan))
        await self.cluster.settle()

        assert (ended.status, ended.counts) == ("done", {"resolved": 3})
        for number, item in enumerate(plan.items):
            rows = self.cluster.database.transact(partial(ledger.of_lead, lead_id=f"L{number}"))
            came = {row.action: (row.result_type, stated_by(row)) for row in rows}
            then = item.would["then"]
            last = [step.action.kebab for step in self.cluster.workflow.reading(LeadAssigned)]
            assert [each["action"] for each in then if each["action"] in last] == last
            for each in then:
                planned = (each.get("outcome"), each.get("changes", []))
                assert came[each["action"]] == (each["event"], planned)
        mails = [
            call["state"]
            for item in plan.items
            for each in item.would["then"]
            for call in each.get("calls", [])
            if each["action"] == "send-welcome-email"
        ]
        assert mails == ["goes-out", "goes-out", "held"]
        assert len(self.world.mails) == 2

    async def test_a_letter_about_a_contact_waits_until_what_followed_of_an_earlier_one_is_done(self) -> None:
        for number in range(2):
            await self.publish(b'{"email": "a@example.com", "country": 49}', f"e-{number}")
        strip = Patch("recipe", [{"op": "remove", "path": "/country"}])
        await self.commands.edit([row.letter.id for row in self.rows()], strip, "why")
        job, cluster = await self.create(self.plan()), self.cluster
        progress_reports: list[JobProgress] = []
        running = asyncio.create_task(job.run(progress_reports.append))

        for _ in range(30):  # what was asked for is done, and nothing of what follows
            requests = cluster.unread(cluster.names.requests)
            await cluster.work(cluster.worker, cluster.names.requests, requests)
            for record in requests:
                cluster.log.commit(GROUP, record)
            await asyncio.sleep(0.01)
        meanwhile = progress_reports[-1].counts
        while not running.done():
            await cluster.settle()
            await asyncio.sleep(0.01)

        assert meanwhile == {"resolved": 1, "waiting": 1}
        assert (await running).counts == {"resolved": 2}

    async def test_a_letter_whose_welcome_would_follow_three_days_late_is_asked_about(self) -> None:
        await self.publish(b'{"email": "a@example.com", "country": 49}', "e-1")
        self.cluster.clock.advance(days=3)
        (row,) = self.rows()
        await self.commands.edit(
            [row.letter.id], Patch("edit", [{"op": "remove", "path": "/country"}]), "why"
        )

        asks = await self.create(self.plan())
        await self.run(asks)
        runs = await self.create(self.plan("run"))
        await self.run(runs)

        why = "send-welcome-email would follow late; a plan with `--stale run` lets it"
        assert [(item.state, item.found) for item in self.items(asks)] == [("skipped", why)]
        assert [item.state for item in self.items(runs)] == ["resolved"]

    async def test_what_ends_otherwise_than_planned_is_reported(self) -> None:
        await self.without_mail_server(1)
        job = await self.create(self.plan())
        await self.run(job)
        (item,) = self.items(job)
        would = {**item.planned["would"], "outcome": "skipped", "changes": ["phone"]}
        other = replace(item, planned={**item.planned, "would": would, "owner": "ada"})

        came = self.cluster.database.transact(partial(outcomes, asked={item.letter_id: 0}))
        ((_, _, remark),) = self.cluster.database.transact(
            lambda link: marks_of(link, {item.letter_id: other}, came)
        )

        assert remark == (
            "planned resolved crm.lead.welcomed.v1 skipped (phone) ada, came resolved crm.lead.welcomed.v1 sent"
        )

    async def test_of_two_copies_of_one_event_that_were_repaired_one_is_done(self) -> None:
        for _ in range(2):
            await self.publish(b'{"email": "a@example.com", "country": 49}', "e-1")
        strip = Patch("recipe", [{"op": "remove", "path": "/country"}])
        await self.commands.edit([row.letter.id for row in self.rows()], strip, "why")
        plan = self.plan()

        ended = await self.run(await self.create(plan))

        assert [item.would["verdict"] for item in plan.items] == ["would-resolve", "noop"]
        assert ended.counts == {"resolved": 1, "noop": 1}


def stated_by(row: LedgerRow) -> tuple[str | None, list[str]]:
    """What an event says of its outcome, and of the fields it changed."""
    body = orjson.loads(row.result or b"{}")
    return body.get("outcome"), sorted(body.get("changed", []))
