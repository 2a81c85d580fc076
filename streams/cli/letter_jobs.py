"""This file is `leads dead-letters apply` and `jobs`: plans carried out, paused, resumed, cancelled."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.errors import INTERRUPTED, NOT_DONE, CommandError, WrongUseError
from streams.cli.letter_plans import previewing
from streams.cli.operating import SHOWN, Place, at_desk, on_letters
from streams.cli.output import AsJson, errors, number, readable, say, show, write_json, write_table
from streams.cli.pausing import Reason, said

if TYPE_CHECKING:
    from streams.dead_letters.job import Job, Options, Progress
    from streams.dead_letters.plan import Plan
    from streams.store.jobs import JobRow, JobStatus

app = typer.Typer(help="Replay jobs: list them, pause, resume or cancel one.", no_args_is_help=True)
LINE_EVERY_S = 5.0
RUNS_US = 10_000_000
"""A job whose process was heard of within this time runs."""
STATES = ("resolved", "noop", "failed", "skipped", "asked", "waiting")
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id, or its first characters.")]


def apply_command(  # noqa: PLR0913, PLR0917 - one per option
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A file that `plan --out` wrote.")],
    reason: Reason,
    rate: Annotated[float, typer.Option(help="Letters a second, at most.")] = 100.0,
    max_in_flight: Annotated[int, typer.Option(min=1, help="Letters without an outcome, at most.")] = 200,
    canary: Annotated[
        str,
        typer.Option(
            metavar="N,N,…", help="Sizes of the first steps, or `none`: each waits for its outcomes."
        ),
    ] = "1,10,100",
    stop_if_fail: Annotated[
        str, typer.Option(metavar="PERCENT", help="Stop when more than that fail.")
    ] = "5%",
    yield_to_lag: Annotated[
        str, typer.Option(metavar="N", help="Wait while workers are so many live records behind, or `none`.")
    ] = "1000",
    force: Annotated[
        bool, typer.Option("--force", help="Ask, too, for letters that would fail again as the plan says.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Carry out a plan: replay its letters, a few first, and leave out what has changed since it was made.

    Ctrl-C pauses the job; `jobs resume` goes on with it, also after a crash.

    Exit codes: 0 every letter was done, 1 some failed, were left out, or the job stopped.
    """
    from streams.dead_letters.plan import read_plan

    options = _options(rate, max_in_flight, canary, stop_if_fail, yield_to_lag, is_forced=force)
    frozen = read_plan(plan)
    why = said(reason)
    if not frozen.items:
        say("The plan holds no letter: nothing to do.")
        return
    on_letters(lambda place: _run(place, _Begin(frozen, options, why), as_json=as_json))


@app.command("list")
def list_command(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List replay jobs, the newest first. With --json one per line."""
    from streams import logs
    from streams.cli import context
    from streams.store import jobs

    logs.silence()
    with context.database(context.settings()) as database:
        found = database.transact(partial(jobs.latest, limit=limit))
        counted = {row.id: database.transact(partial(jobs.counts, job=row.id)) for row in found}
    if as_json:
        for row in found:
            write_json(_as_data(row, counted[row.id]))
    elif found:
        columns = ("id", "status", "begun", "by", "letters", "reason", "message")
        write_table(columns, [_cells(row, counted[row.id]) for row in found])
    else:
        show("No replay jobs.")


@app.command("pause")
def pause_command(job: JobId, reason: Reason) -> None:
    """Let a job that runs ask for no more letters; its process ends."""
    _control(job, "paused", reason, "pauses; `leads dead-letters jobs resume` goes on with it")


@app.command("cancel")
def cancel_command(job: JobId, reason: Reason) -> None:
    """End a job: letters that were not asked for stay as they are."""
    _control(job, "cancelled", reason, "is cancelled")


@app.command("resume")
def resume_command(job: JobId, reason: Reason, as_json: AsJson = False) -> None:
    """Go on with a job that was paused, that stopped, or whose process died. Its canary begins anew."""
    why = said(reason)
    on_letters(lambda place: _run(place, _Resume(job, why), as_json=as_json))


def _control(job: str, status: JobStatus, reason: str, done: str) -> None:
    from streams.assembly import now
    from streams.dead_letters.job import control
    from streams.processing.work import to_us

    why = said(reason)

    def work(place: Place) -> int:
        row = _job(place, job)

        async def run() -> bool:
            async with at_desk(place) as desk:
                return await control(place.database, desk.audit, row, status, why, to_us(now()))

        if not asyncio.run(run()):
            raise CommandError(f"job {row.id} is {row.status}, so it cannot be {status}")
        show(f"Job {row.id} {done}.")
        return 0

    on_letters(work)


class _Begin:
    """Begins a new job."""

    def __init__(self, plan: Plan, options: Options, reason: str) -> None:
        from dataclasses import replace

        self._plan, self._reason = plan, reason
        self._options = replace(options, stale=plan.stale)  # type: ignore[arg-type] # checked with the checksum

    async def __call__(self, place: Place, desk: Any) -> tuple[str, Options, int]:  # noqa: ANN401 - a Desk
        from streams.dead_letters.audit import Entry
        from streams.dead_letters.job import begin, new_id
        from streams.processing.work import to_us

        plan, job = self._plan, new_id()
        details = {"plan_sha256": plan.sha256, "letters": len(plan.items), "options": self._options.as_data()}
        await desk.audit.write(self._reason, [Entry("apply", job, details)])
        await place.database.run(
            lambda link: begin(
                link,
                plan,
                self._options,
                reason=self._reason,
                author=desk.audit.author,
                job=job,
                now_us=to_us(desk.clock()),
            )
        )
        return job, self._options, len(plan.items)


class _Resume:
    """Goes on with a job."""

    def __init__(self, job: str, reason: str) -> None:
        self._job, self._reason = job, reason

    async def __call__(self, place: Place, desk: Any) -> tuple[str, Options, int]:  # noqa: ANN401 - a Desk
        from streams.dead_letters.job import Options, control
        from streams.processing.work import to_us
        from streams.store import jobs

        row = _job(place, self._job)
        now_us = to_us(desk.clock())
        if row.status == "running" and now_us - row.changed_at < RUNS_US:
            raise CommandError(f"job {row.id} runs already; `jobs pause` lets it rest")
        if not await control(place.database, desk.audit, row, "running", self._reason, now_us):
            raise CommandError(f"job {row.id} is {row.status}: there is nothing to go on with")
        counted = await place.database.run(partial(jobs.counts, job=row.id))
        return row.id, Options.from_data(row.options), sum(counted.values())


def _run(place: Place, first: _Begin | _Resume, *, as_json: bool) -> int:
    begun: list[str] = []

    async def run() -> Progress:
        from streams.cli import context
        from streams.dead_letters.job import Job
        from streams.lag import look

        async with at_desk(place) as desk, context.admin(place.address) as admin:
            job, options, total = await first(place, desk)
            begun.append(job)
            say(f"Job {job}: {number(total, 'letter')}.")

            async def lag() -> int:
                found = await look(admin, place.address, place.settings.group, place.settings.prefix)
                own = (desk.names.requests, desk.names.letters)
                return sum(topic.waiting or 0 for topic in found.topics if topic.name not in own)

            with previewing(place.settings, place.database) as preview, _telling() as tell:
                running: Job = Job(
                    job,
                    place.database,
                    desk.publisher,
                    desk.names,
                    desk.clock,
                    partial(preview.of, stale=options.stale),
                    options,
                    total,
                    lag,
                )
                return await running.run(tell)

    try:
        ended = asyncio.run(run())
    except KeyboardInterrupt:
        if begun:
            say(f"Paused; `leads dead-letters jobs resume {begun[0][:8]} --reason TEXT` goes on with it.")
        return INTERRUPTED
    return _report(place, begun[0], ended, as_json=as_json)


def _report(place: Place, job: str, ended: Progress, *, as_json: bool) -> int:
    from streams.store import jobs

    told = place.database.transact(
        partial(jobs.items, job=job, states=("resolved", "noop", "failed", "skipped"), limit=1 << 30)
    )
    if as_json:
        letters = [{"id": item.letter_id, "state": item.state, "why": item.found} for item in told]
        write_json(
            {"job": job, "status": ended.status, "message": ended.message, **ended.counts, "letters": letters}
        )
    else:
        show(f"{_counted(ended.counts)}.")
        worth = [item for item in told if item.found is not None]
        for item in worth[:SHOWN]:
            say(f"{item.letter_id} {item.state}: {item.found}")
        if len(worth) > SHOWN:
            say(f"{number(len(worth) - SHOWN, 'more letter')}; --json names all.")
        if ended.message is not None:
            say(f"The job {ended.status}: {ended.message}.")
    is_done = ended.status == "done" and not ended.counts.get("failed") and not ended.counts.get("skipped")
    return 0 if is_done else NOT_DONE


@contextmanager
def _telling() -> Iterator[Any]:
    """Show how far the job is: a bar on a terminal, a line now and then elsewhere."""
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(compact=True))
    is_terminal = errors().is_terminal
    began = told = time.monotonic()
    with Bars(*columns, console=errors(), transient=True, disable=not is_terminal) as bars:
        task = bars.add_task("", total=None)

        def tell(progress: Progress) -> None:
            nonlocal told
            now = time.monotonic()
            rate = progress.ended / max(now - began, 0.001)
            left = progress.total - progress.ended
            text = f"{_counted(progress.counts)}, {rate:,.0f}/s"
            if rate and left:
                text += f", {left / rate:,.0f} s left"
            if progress.waits_for is not None:
                text += f" (waits for {progress.waits_for})"
            bars.update(task, description=text, completed=progress.ended, total=progress.total)
            if not is_terminal and now - told >= LINE_EVERY_S:
                told = now
                say(text)

        yield tell


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts.get(state)) or "nothing"


def _job(place: Place, job: str) -> JobRow:
    from streams.store import jobs

    found = place.database.transact(partial(jobs.get, job=job.strip().lower()))
    if found is None:
        raise CommandError(f"there is no one replay job {job}; `leads dead-letters jobs list` shows them")
    return found


def _as_data(row: JobRow, counted: dict[str, int]) -> dict[str, Any]:
    return {
        "id": row.id,
        "status": row.status,
        "begun": readable(row.created_at),
        "by": row.author,
        "reason": row.reason,
        "message": row.message,
        "letters": counted,
        "options": row.options,
    }


def _cells(row: JobRow, counted: dict[str, int]) -> tuple[object, ...]:
    begun = readable(row.created_at)[:19]
    return (row.id, row.status, begun, row.author, _counted(counted), row.reason, row.message)


def _options(
    rate: float, max_in_flight: int, canary: str, stop_if_fail: str, yield_to_lag: str, *, is_forced: bool
) -> Options:
    from streams.dead_letters.job import Options

    if rate <= 0:
        raise WrongUseError(
            f"--rate {rate:g} would ask for no letter; give letters a second, or pause the job"
        )
    if canary != "none" and re.fullmatch(r"[1-9]\d{0,5}(,[1-9]\d{0,5})*", canary) is None:
        raise WrongUseError(f"--canary {canary!r} is no list of sizes; write 1,10,100, or none")
    percent = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%?", stop_if_fail)
    if percent is None or float(percent[1]) > 100:  # noqa: PLR2004 - per cent
        raise WrongUseError(f"--stop-if-fail {stop_if_fail!r} is no percentage; write 5%")
    if yield_to_lag != "none" and not yield_to_lag.isdecimal():
        raise WrongUseError(f"--yield-to-lag {yield_to_lag!r} is no number of records; write 1000, or none")
    return Options(
        rate=rate,
        max_in_flight=max_in_flight,
        canary=() if canary == "none" else tuple(int(size) for size in canary.split(",")),
        stop_if_fail=float(percent[1]),
        yield_to_lag=None if yield_to_lag == "none" else int(yield_to_lag),
        is_forced=is_forced,
    )
