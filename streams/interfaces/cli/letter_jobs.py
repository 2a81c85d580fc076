"""This file is `leads dead-letters apply` and `jobs`: plans carried out, paused, resumed, cancelled."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from streams.interfaces.cli.letter_plans import previewing
from streams.interfaces.cli.letter_progress import counted, telling_jobs
from streams.interfaces.cli.operating import SHOWN, Connections, at_desk, on_letters
from streams.interfaces.cli.pausing import Reason, said
from streams.interfaces.common.errors import INTERRUPTED, NOT_DONE, CommandError, WrongUseError
from streams.interfaces.common.output import (
    AsJson,
    plural,
    print_err,
    print_out,
    readable,
    write_json,
    write_table,
)

if TYPE_CHECKING:
    from streams.dead_letters.job_control import ClaimedJob
    from streams.dead_letters.job_limits import JobProgress, Options
    from streams.dead_letters.letter_commands import LetterCommands
    from streams.store.jobs import JobRow

app = typer.Typer(help="Replay jobs: list them, pause, resume or cancel one.", no_args_is_help=True)
MOST = 1_000_000
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id, or its first characters.")]


def apply_command(  # noqa: PLR0913, PLR0917 - one per option
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A file that `plan --out` wrote.")],
    reason: Reason,
    rate: Annotated[float, typer.Option(help="Letters a second, at most.")] = 100.0,
    max_in_flight: Annotated[
        int, typer.Option(min=1, max=MOST, help="Letters without an outcome, at most.")
    ] = 200,
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
        bool,
        typer.Option("--force", help="Ask, too, for what would fail again, or of which nothing has changed."),
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
        print_err("The plan holds no letter: nothing to do.")
        return

    async def first(desk: LetterCommands) -> ClaimedJob:
        from streams.dead_letters.job_control import create

        return await create(desk, frozen, options, why)

    on_letters(lambda place: _run(place, first, as_json=as_json))


@app.command("list")
def list_command(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List replay jobs, the newest first. With --json one per line."""
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.store import jobs

    logs.silence()
    with connections.database(connections.settings()) as database:
        found = database.transact(partial(jobs.latest, limit=limit))
        states = {row.id: database.transact(partial(jobs.counts, job=row.id)) for row in found}
    if as_json:
        for row in found:
            write_json(_as_data(row, states[row.id]))
    elif found:
        columns = ("id", "status", "begun", "by", "letters", "reason", "message")
        write_table(columns, [_cells(row, states[row.id]) for row in found])
    else:
        print_out("No replay jobs.")


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

    def work(place: Connections) -> int:
        row = _job(place, job)

        async def first(desk: LetterCommands) -> ClaimedJob:
            from streams.dead_letters.job_control import resume

            return await resume(desk, row, why)

        return _run(place, first, as_json=as_json)

    on_letters(work)


def _control(job: str, status: Literal["paused", "cancelled"], reason: str, done: str) -> None:
    from streams.dead_letters.job_control import control

    why = said(reason)

    def work(place: Connections) -> int:
        row = _job(place, job)

        async def run() -> None:
            async with at_desk(place) as desk:
                await control(desk, row, status, why)

        asyncio.run(run())
        print_out(f"Job {row.id} {done}.")
        return 0

    on_letters(work)


def _run(
    place: Connections, first: Callable[[LetterCommands], Awaitable[ClaimedJob]], *, as_json: bool
) -> int:
    begun: list[ClaimedJob] = []

    async def run() -> JobProgress:
        from streams.dead_letters.job import Job
        from streams.interfaces.common import connections
        from streams.kafka.lag import watching_live_lag

        settings = place.settings
        async with AsyncExitStack() as stack:
            desk = await stack.enter_async_context(at_desk(place))
            admin = await stack.enter_async_context(connections.admin(place.address))
            found = await first(desk)
            begun.append(found)
            print_err(f"Job {found.id}: {plural(found.letters, 'letter')}.")
            watching = watching_live_lag(admin, place.address, settings.group, settings.prefix)
            with previewing(settings, place.database) as preview, telling_jobs() as tell:
                lag = await stack.enter_async_context(watching)
                running = Job(
                    found.id,
                    found.holder,
                    place.database,
                    desk.publisher,
                    desk.names,
                    desk.clock,
                    partial(preview.of, stale=found.options.stale),
                    found.options,
                    found.letters,
                    lag,
                )
                return await running.run(tell)

    try:
        ended = asyncio.run(run())
    except KeyboardInterrupt:
        if begun:
            print_err(
                f"Paused; `leads dead-letters jobs resume {begun[0].id[:8]} --reason TEXT` goes on with it."
            )
        return INTERRUPTED
    return _report(place, begun[0].id, ended, as_json=as_json)


def _report(place: Connections, job: str, ended: JobProgress, *, as_json: bool) -> int:
    from streams.store import jobs

    told = place.database.transact(partial(jobs.items, job=job, states=jobs.ENDED, limit=1 << 30))
    if as_json:
        letters = [{"id": item.letter_id, "state": item.state, "why": item.found} for item in told]
        write_json(
            {"job": job, "status": ended.status, "message": ended.message, **ended.counts, "letters": letters}
        )
    else:
        print_out(f"{counted(ended.counts)}.")
        worth = [item for item in told if item.found is not None]
        for item in worth[:SHOWN]:
            print_err(f"{item.letter_id} {item.state}: {item.found}")
        if len(worth) > SHOWN:
            print_err(f"{plural(len(worth) - SHOWN, 'more letter')}; --json names all.")
        if ended.message is not None:
            print_err(f"The job {ended.status}: {ended.message}.")
    is_done = ended.status == "done" and not ended.counts.get("failed") and not ended.counts.get("skipped")
    return 0 if is_done else NOT_DONE


def _job(place: Connections, job: str) -> JobRow:
    from streams.store import jobs

    found = place.database.transact(partial(jobs.get, job=job.strip().lower()))
    if found is None:
        raise CommandError(f"there is no one replay job {job}; `leads dead-letters jobs list` shows them")
    return found


def _as_data(row: JobRow, states: dict[str, int]) -> dict[str, Any]:
    return {
        "id": row.id,
        "status": row.status,
        "begun": readable(row.created_at),
        "by": row.author,
        "reason": row.reason,
        "message": row.message,
        "letters": states,
        "options": row.options,
    }


def _cells(row: JobRow, states: dict[str, int]) -> tuple[object, ...]:
    begun = readable(row.created_at)[:19]
    return (row.id, row.status, begun, row.author, counted(states), row.reason, row.message)


def _options(
    rate: float, max_in_flight: int, canary: str, stop_if_fail: str, yield_to_lag: str, *, is_forced: bool
) -> Options:
    from streams.dead_letters.job_limits import Options

    if not 0 < rate <= MOST:  # of no number neither holds
        raise WrongUseError(f"--rate {rate:g} is no number of letters a second up to {MOST:,}; write 100")
    if canary != "none" and re.fullmatch(r"[1-9]\d{0,5}(,[1-9]\d{0,5})*", canary) is None:
        raise WrongUseError(f"--canary {canary!r} is no list of sizes; write 1,10,100, or none")
    percent = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%?", stop_if_fail)
    if percent is None or float(percent[1]) > 100:  # noqa: PLR2004 - per cent
        raise WrongUseError(f"--stop-if-fail {stop_if_fail!r} is no percentage; write 5%")
    if yield_to_lag != "none" and re.fullmatch(r"\d{1,9}", yield_to_lag) is None:
        raise WrongUseError(f"--yield-to-lag {yield_to_lag!r} is no number of records; write 1000, or none")
    return Options(
        rate=rate,
        max_in_flight=max_in_flight,
        canary=() if canary == "none" else tuple(int(size) for size in canary.split(",")),
        stop_if_fail=float(percent[1]),
        yield_to_lag=None if yield_to_lag == "none" else int(yield_to_lag),
        is_forced=is_forced,
    )
