"""Plans and replay jobs beside a worker, over a real store and a log in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Literal, get_args

import orjson

from streams.dead_letters.audit import Audit
from streams.dead_letters.job import Job
from streams.dead_letters.job_control import ClaimedJob, create, resume
from streams.dead_letters.job_limits import JobOptions, JobProgress, Lag
from streams.dead_letters.letter_commands import LetterCommands
from streams.dead_letters.plan import Plan, PlanWriter, read_plan
from streams.dead_letters.planned_letters import planned_job
from streams.dead_letters.preview import Preview
from streams.engine.failures import app_version
from streams.onboarding import ONBOARDING
from streams.store import jobs, letters
from streams.store.engine import Database
from streams.store.jobs import ItemRow, ItemState, JobRow
from streams.store.letters import LetterRow
from streams.testing.cluster import Cluster
from streams.testing.leads import event_headers, lead
from streams.testing.world import World, adapters_of
from topics.events import LeadReceived

FAST = JobOptions(rate=1e6, canary=(), stop_if_fail=100, yield_to_lag=None)
Stale = Literal["run", "skip"]


def unreported(_: JobProgress) -> None:
    """Ignore a report of progress."""


class ReplayHarness:
    """A cluster, the commands of a person (`ann`), and jobs that run beside a worker."""

    def __init__(self, database: Database, folder: Path) -> None:
        """Write plans into this folder."""
        self.world = World()
        self.cluster = Cluster(ONBOARDING, adapters_of(self.world), database)
        self.folder = folder
        installation = self.cluster.installation
        self.commands = LetterCommands(installation, Audit(installation, "ann"))

    # ------------------------------------------------------------------------------------------------ acting

    async def publish(self, value: bytes, event_id: str) -> None:
        """Publish a lead and let the worker finish with it."""
        self._append(value, event_id)
        await self.cluster.settle()

    def _append(self, value: bytes, event_id: str) -> None:
        time = self.cluster.clock().isoformat().replace("+00:00", "Z")
        headers = event_headers(event_id, time=time)
        self.cluster.log.append(self.cluster.names.of(LeadReceived), None, value, headers)

    async def fail_mails(self, number: int) -> None:
        """Make so many dead letters of welcome mails, to p0@example.com and so on; the server is back afterwards."""
        self.world.go_down()
        for each in range(number):
            self._append(lead(email=f"p{each}@example.com"), f"e-{each}")
        await self.cluster.settle()
        self.world.come_back()

    def preview(self) -> Preview:
        """Return a preview over this store."""
        return Preview(self.cluster.installation)

    def plan(self, stale: Stale | None = None) -> Plan:
        """Plan a replay of all open letters, by way of a file."""
        file = BytesIO()
        writer = PlanWriter(file, made="now", app_version=app_version(), selector="--all", stale=stale)
        for row, prediction in self.preview().of([row.letter.id for row in self.rows()], stale=stale):
            writer.add(row, prediction)
        writer.end()
        path = self.folder / "plan.ndjson"
        path.write_bytes(file.getvalue())
        return read_plan(path)

    async def create(self, plan: Plan, options: JobOptions = FAST) -> Job:
        """Create a job of this plan."""
        return self.process(await create(self.commands, plan, options, "mended"))

    async def resume(self) -> Job:
        """Resume the latest job as another process would."""
        return self.process(await resume(self.commands, self.latest(), "go on"))

    def process(self, claimed: ClaimedJob, lag: Lag | None = None) -> Job:
        """Return a job as the process that has claimed it runs it."""
        return planned_job(self.cluster.installation, claimed, self.preview(), lag)

    async def run(self, job: Job, report: Callable[[JobProgress], None] = unreported) -> JobProgress:
        """Let the job run beside a worker."""

        async def work() -> None:
            while True:
                await self.cluster.settle()
                await asyncio.sleep(0.01)

        working = asyncio.create_task(work())
        try:
            async with asyncio.timeout(20):
                return await job.run(report)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working

    async def kill_once_asked(self, job: Job) -> None:
        """Cancel a job once it has asked for letters; no worker has read the requests by then."""
        running = asyncio.create_task(job.run(unreported))
        while job.letters.asked == {}:
            await asyncio.sleep(0.01)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    # ----------------------------------------------------------------------------------------------- looking

    def rows(self, ids: Sequence[str] | None = None) -> list[LetterRow]:
        """Return these letters; without ids, all open ones."""
        if ids is None:
            return self.cluster.database.transact(letters.find)
        return self.cluster.database.transact(lambda link: letters.get(link, ids))

    def audited(self) -> list[dict[str, str]]:
        """Return the entries of the audit topic."""
        return [
            orjson.loads(record.value or b"") for record in self.cluster.log.topics[self.cluster.names.audit]
        ]

    def latest(self) -> JobRow:
        """Return the latest job."""
        (row,) = self.cluster.database.transact(lambda link: jobs.latest(link, 1))
        return row

    def items(self, job: Job) -> list[ItemRow]:
        """Return the letters of a job, in the order of its plan."""
        return self.cluster.database.transact(
            lambda link: jobs.items(link, job.id, get_args(ItemState), 1000)
        )
