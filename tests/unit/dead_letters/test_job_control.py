"""Jobs are created, resumed, paused and cancelled: audited first, and each letter belongs to one job at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.errors import PermanentError
from actions.ports import Mail
from streams.dead_letters.audit import Audit, AuditError
from streams.dead_letters.job_control import JobError, control, create, resume
from streams.dead_letters.job_limits import JobOptions
from streams.dead_letters.letter_commands import LetterCommands
from streams.dead_letters.patching import Patch
from streams.kafka.producer import PublishError
from streams.store import jobs
from streams.testing.leads import lead
from tests.support.letter_harness import Refusing
from tests.support.replay_harness import FAST, ReplayHarness, Stale, unreported


async def test_a_command_that_cannot_be_audited_changes_no_job(replays: ReplayHarness) -> None:
    await replays.fail_mails(1)
    plan, cluster = replays.plan(), replays.cluster
    audit = Audit(replace(cluster.installation, publisher=Refusing()), "ann")
    refused = LetterCommands(cluster.installation, audit)
    with pytest.raises(AuditError):
        await create(refused, plan, FAST, "mended")
    before = cluster.database.transact(lambda link: jobs.latest(link, 1))
    await replays.create(plan)

    with pytest.raises(AuditError):
        await control(refused, replays.latest(), "paused", "lunch")
    with pytest.raises(AuditError):
        await refused.reveal(plan.items[0].id, "ticket")
    cluster.clock.advance(seconds=11)
    stale = replays.latest()
    with pytest.raises(AuditError):
        await resume(refused, stale, "back")

    assert before == []
    assert replays.latest() == stale
    assert stale.status == "running"


@pytest.mark.parametrize(
    ("stale", "counts", "mails"),
    [(None, {"skipped": 1}, 0), ("skip", {"resolved": 1}, 0), ("run", {"resolved": 1}, 1)],
)
async def test_a_welcome_that_is_three_days_late_needs_a_decision_and_follows_it(
    replays: ReplayHarness, stale: Stale | None, counts: dict[str, int], mails: int
) -> None:
    await replays.fail_mails(1)
    replays.cluster.clock.advance(days=3)
    plan = replays.plan(stale)
    options = JobOptions(rate=1e6, canary=(), stop_if_fail=100, yield_to_lag=None)

    job = await replays.create(plan, options)
    ended = await replays.run(job)

    (item,) = replays.items(job)
    assert (ended.counts, len(replays.world.mails)) == (counts, mails)
    assert item.found == ("it would fail again: STALE" if stale is None else None)


async def test_a_letter_that_would_fail_again_is_replayed_only_by_force(replays: ReplayHarness) -> None:
    await replays.publish(b"{poison", "e-poison")
    plan = replays.plan()

    gently = await replays.create(plan)
    await replays.run(gently)
    forced = await replays.create(
        plan, JobOptions(rate=1e6, canary=(), stop_if_fail=100, yield_to_lag=None, is_forced=True)
    )
    await replays.run(forced)

    assert [item.found for item in replays.items(gently)] == ["it would fail again: NOT_JSON"]
    assert [item.found for item in replays.items(forced)] == ["failed again: NOT_JSON"]


async def test_a_refused_letter_is_not_replayed_until_its_record_or_the_build_changes(
    replays: ReplayHarness,
) -> None:
    def refuse(_: Mail) -> None:
        raise PermanentError("SMTP_REFUSED", "no such mailbox")

    replays.world.fail = refuse
    await replays.publish(lead(email="ada@example.com"), "e-1")
    replays.world.come_back()
    plan = replays.plan()
    (planned,) = plan.items

    unchanged = await replays.create(plan)
    await replays.run(unchanged)
    edit = Patch("edit", [{"op": "add", "path": "/owner/name", "value": "X"}])
    replays.cluster.clock.advance(seconds=1)
    await replays.commands.edit([planned.id], edit, "another name")
    repaired = await replays.create(replays.plan())
    await replays.run(repaired)

    why = "neither its record nor the build has changed since it failed: SMTP_REFUSED"
    assert planned.would["verdict"] == "would-resolve"
    assert [(item.state, item.found) for item in replays.items(unchanged)] == [("skipped", why)]
    assert [(item.state, item.found) for item in replays.items(repaired)] == [("resolved", None)]


async def test_a_letter_whose_welcome_would_follow_three_days_late_needs_a_decision(
    replays: ReplayHarness,
) -> None:
    await replays.publish(b'{"email": "a@example.com", "country": "\\u0007"}', "e-1")
    replays.cluster.clock.advance(days=3)
    (row,) = replays.rows()
    await replays.commands.edit([row.letter.id], Patch("edit", [{"op": "remove", "path": "/country"}]), "why")

    asks = await replays.create(replays.plan())
    await replays.run(asks)
    runs = await replays.create(replays.plan("run"))
    await replays.run(runs)

    why = "send-welcome-email would follow late; a plan with `--stale run` lets it"
    assert [(item.state, item.found) for item in replays.items(asks)] == [("skipped", why)]
    assert [item.state for item in replays.items(runs)] == ["resolved"]


async def test_the_decision_about_late_welcomes_holds_for_the_process_that_resumes(
    replays: ReplayHarness,
) -> None:
    await replays.fail_mails(1)
    replays.cluster.clock.advance(days=3)
    first = await replays.create(replays.plan("run"), FAST)
    replays.cluster.log.is_away = True
    with pytest.raises(PublishError):
        await first.run(unreported)
    replays.cluster.log.is_away = False

    replays.cluster.clock.advance(seconds=11)
    ended = await replays.run(await replays.resume())

    assert (ended.counts, len(replays.world.mails)) == ({"resolved": 1}, 1)


async def test_a_process_that_wakes_up_late_leaves_its_job_to_the_one_that_took_it_over(
    replays: ReplayHarness,
) -> None:
    await replays.fail_mails(3)
    sleeper = await replays.create(replays.plan())
    with pytest.raises(JobError, match="runs already"):
        await replays.resume()
    assert [entry["act"] for entry in replays.audited()] == ["apply"]
    replays.cluster.clock.advance(seconds=11)
    second = await replays.resume()

    woken = await replays.run(sleeper)
    ended = await replays.run(second)

    assert (woken.message, woken.counts) == ("another process has taken it over", {"waiting": 3})
    assert (ended.status, ended.counts, len(replays.world.mails)) == ("done", {"resolved": 3}, 3)


async def test_a_process_whose_job_was_taken_over_asks_for_no_letter_and_does_not_end_the_job(
    replays: ReplayHarness,
) -> None:
    await replays.fail_mails(3)
    sleeper = await replays.create(replays.plan())
    replays.cluster.clock.advance(seconds=11)
    await replays.resume()

    asked = [batch async for batch in sleeper.letters.take(3)]
    await sleeper.letters.end("stopped", "5 of 5 failed")

    assert (asked, {row.status for row in replays.rows()}) == ([], {"scheduled"})
    assert (replays.latest().status, replays.latest().message) == ("running", None)
