"""A job keeps its rate, its canary and its limits, and continues where a process left it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace

import pytest

from streams.dead_letters import job as job_module
from streams.dead_letters import job_limits, planned_letters
from streams.dead_letters.job import Ending, Job, LetterOutcome, Taken
from streams.dead_letters.job_control import create
from streams.dead_letters.job_limits import JobOptions, JobProgress
from streams.kafka.producer import PublishError
from streams.store.letters import LetterRow
from tests.support.replay_harness import ReplayHarness, unreported


async def test_a_canary_stops_at_its_first_letter_and_leaves_the_others_untouched(
    replays: ReplayHarness,
) -> None:
    await replays.fail_mails(15)
    replays.world.go_down()
    job = await replays.create(
        replays.plan(), JobOptions(rate=1e6, canary=(1, 10), stop_if_fail=5, yield_to_lag=None)
    )

    ended = await replays.run(job)

    first, *others = replays.items(job)
    assert (ended.status, ended.counts) == ("stopped", {"failed": 1, "waiting": 14})
    assert ended.message is not None
    assert first.letter_id in ended.message
    assert {row.letter.generation for row in replays.rows([item.letter_id for item in others])} == {0}


async def test_a_stopped_job_can_be_resumed_when_the_cause_is_mended(replays: ReplayHarness) -> None:
    await replays.fail_mails(15)
    replays.world.go_down()
    options = JobOptions(rate=1e6, canary=(1, 10), stop_if_fail=5, yield_to_lag=None)
    job = await replays.create(replays.plan(), options)
    await replays.run(job)
    replays.world.come_back()

    ended = await replays.run(await replays.resume())

    assert (ended.status, ended.counts) == ("done", {"failed": 1, "resolved": 14})


async def test_a_job_asks_for_nothing_while_live_traffic_is_behind(
    replays: ReplayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_limits, "LAG_EVERY_S", 0.05)
    await replays.fail_mails(3)
    behind = [50, 50, 50, 7]
    claimed = await create(replays.commands, replays.plan(), JobOptions(canary=(), yield_to_lag=10), "mended")
    reports: list[JobProgress] = []

    async def lag() -> int:
        return behind.pop(0) if len(behind) > 1 else behind[0]

    ended = await replays.run(replays.process(claimed, lag), reports.append)

    waited = [each for each in reports if each.waits_for is not None]
    assert "live traffic, 50 records behind" in {each.waits_for for each in waited}
    assert {each.counts.get("waiting") for each in waited} == {3}
    assert (ended.status, ended.counts) == ("done", {"resolved": 3})


async def test_a_job_that_cannot_read_the_lag_raises_the_reason_and_can_be_resumed(
    replays: ReplayHarness,
) -> None:
    await replays.fail_mails(1)
    claimed = await create(replays.commands, replays.plan(), JobOptions(canary=(), yield_to_lag=10), "mended")

    async def lag() -> int:
        raise ConnectionError("no broker")

    with pytest.raises(ConnectionError, match="no broker"):
        await replays.run(replays.process(claimed, lag))

    assert {row.status for row in replays.rows()} == {"scheduled"}


async def test_a_job_without_any_outcome_pauses(
    replays: ReplayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planned_letters, "SILENT_S", 0.05)
    await replays.fail_mails(1)
    job = await replays.create(replays.plan())

    async with asyncio.timeout(20):
        ended = await job.run(unreported)  # no worker runs

    assert (ended.status, ended.counts) == ("paused", {"asked": 1})
    assert "is `leads worker` running?" in (ended.message or "")


async def test_a_job_asks_for_no_more_than_its_rate_allows(
    replays: ReplayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "time", SimpleNamespace(monotonic=lambda: 0.0))  # the clock stands still
    await replays.fail_mails(5)
    job = await replays.create(replays.plan(), JobOptions(rate=5, canary=(), yield_to_lag=None))
    reports: list[JobProgress] = []

    def enough(progress: JobProgress) -> None:
        reports.append(progress)
        if len(reports) == 20:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await replays.run(job, enough)

    assert reports[-1].counts == {"resolved": 1, "waiting": 4}


async def test_a_job_resumes_after_its_process_died_and_sends_nothing_twice(replays: ReplayHarness) -> None:
    await replays.fail_mails(10)
    plan = replays.plan()
    first = await replays.create(
        plan, JobOptions(rate=1e6, max_in_flight=4, canary=(), stop_if_fail=100, yield_to_lag=None)
    )
    await replays.kill_once_asked(first)
    ended = await replays.run(await replays.resume())

    assert (ended.status, ended.counts) == ("done", {"resolved": 10})
    assert len(replays.world.mails) == 10


async def test_a_job_that_died_before_publishing_publishes_when_it_resumes(replays: ReplayHarness) -> None:
    await replays.fail_mails(3)
    first = await replays.create(replays.plan())
    replays.cluster.log.is_away = True
    with pytest.raises(PublishError):
        await first.run(unreported)
    replays.cluster.log.is_away = False

    replays.cluster.clock.advance(seconds=11)  # the last heartbeat is too old by then
    ended = await replays.run(await replays.resume())

    assert (ended.status, ended.counts) == ("done", {"resolved": 3})


async def test_a_resumed_job_does_not_ask_again_for_letters_that_failed_meanwhile(
    replays: ReplayHarness,
) -> None:
    await replays.fail_mails(2)
    await replays.kill_once_asked(await replays.create(replays.plan()))
    replays.world.go_down()
    await replays.cluster.settle()
    requests = replays.cluster.log.topics[replays.cluster.names.requests]
    asked = len(requests)

    ended = await replays.run(await replays.resume())

    assert (ended.status, ended.counts, len(requests)) == ("done", {"failed": 2}, asked)
    assert {row.letter.generation for row in replays.rows()} == {1}


class Interrupted:
    """Letters whose earlier process had marked some; publishing these again takes for ever."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.asked: dict[str, int] = {}
        self.first_failure = ""
        self.is_resuming = asyncio.Event()
        self.ends: list[tuple[str, str | None]] = []

    async def resume(self) -> AsyncIterator[Sequence[LetterRow]]:
        self.is_resuming.set()
        await asyncio.Event().wait()
        yield []

    async def take(self, limit: int) -> AsyncIterator[Taken]:
        yield Taken([], 0)

    async def note(self, outcomes: Sequence[LetterOutcome]) -> None:
        """No letter has an outcome."""

    async def ended(self) -> Ending | None:
        return None

    async def end(self, status: str, message: str | None) -> None:
        self.ends.append((status, message))


async def test_a_job_that_is_interrupted_while_it_resumes_is_paused(replays: ReplayHarness) -> None:
    letters = Interrupted()
    job = Job("job", replays.cluster.installation, letters, JobOptions(yield_to_lag=None))
    running = asyncio.create_task(job.run(unreported))
    await letters.is_resuming.wait()

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert letters.ends == [("paused", "it was interrupted")]
