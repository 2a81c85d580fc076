"""This file is `leads dead-letters apply` and `jobs`: plans carried out, paused, resumed, cancelled."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from streams.interfaces.cli import logs
from streams.interfaces.cli.letter_commands import SHOWN
from streams.interfaces.cli.letter_progress import counted, telling_jobs
from streams.interfaces.cli.pausing import Reason, one_line
from streams.interfaces.common import connections
from streams.interfaces.common.connections import Connections
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
    why = one_line(reason)
    if not frozen.items:
        print_err("The plan holds no letter: nothing to do.")
        return

    from streams.dead_letters.job_control import create

    async def first(commands: LetterCommands) -> ClaimedJob:
        return await create(commands, frozen, options, why)

    logs.silence()
    with connections.connected() as connected:
        code = _run(connected, first, as_json=as_json)
    if code:
        raise typer.Exit(code)


@app.command("list")
def list_command(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List replay jobs, the newest first. With --json one per line."""
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
    from streams.dead_letters.job_control import resume

    logs.silence()
    why = one_line(reason)
    with connections.connected() as connected:
        row = _job(connected, job)
        code = _run(connected, lambda commands: resume(commands, row, why), as_json=as_json)
    if code:
        raise typer.Exit(code)


def _control(job: str, status: Literal["paused", "cancelled"], reason: str, done: str) -> None:
    from streams.dead_letters.job_control import control

    logs.silence()
    why = one_line(reason)
    with connections.connected() as connected:
        row = _job(connected, job)
        connections.with_letters(connected, lambda commands: control(commands, row, status, why))
    print_out(f"Job {row.id} {done}.")


def _run(
    connected: Connections, first: Callable[[LetterCommands], Awaitable[ClaimedJob]], *, as_json: bool
) -> int:
    from streams.settings import load_config

    claimed: list[ClaimedJob] = []

    async def run(commands: LetterCommands) -> JobProgress:
        from streams.dead_letters.job import Job
        from streams.dead_letters.preview import Preview
        from streams.kafka.lag import watching_live_lag

        settings = connected.settings
        async with connections.admin(connected.address) as admin:
            preview = Preview(commands.installation)
            found = await first(commands)
            claimed.append(found)
            print_err(f"Job {found.id}: {plural(found.letters, 'letter')}.")
            watching = watching_live_lag(admin, connected.address, settings.group, settings.prefix)
            async with watching as lag:
                with telling_jobs() as report:
                    running = Job(
                        found.id,
                        found.holder,
                        commands.installation,
                        partial(preview.of, stale=found.options.stale),
                        found.options,
                        found.letters,
                        lag,
                    )
                    return await running.run(report)

    try:
        ended = connections.with_letters(connected, run, load_config(connected.settings.config))
    except KeyboardInterrupt:
        if claimed:
            print_err(
                f"Paused; `leads dead-letters jobs resume {claimed[0].id[:8]} --reason TEXT` goes on with it."
            )
        return INTERRUPTED
    return _report(connected, claimed[0].id, ended, as_json=as_json)


def _report(connected: Connections, job: str, ended: JobProgress, *, as_json: bool) -> int:
    from streams.store import jobs

    items = connected.database.transact(partial(jobs.items, job=job, states=jobs.ENDED, limit=1 << 30))
    if as_json:
        letters = [{"id": item.letter_id, "state": item.state, "reason": item.found} for item in items]
        write_json(
            {"job": job, "status": ended.status, "message": ended.message, **ended.counts, "letters": letters}
        )
    else:
        print_out(f"{counted(ended.counts)}.")
        worth = [item for item in items if item.found is not None]
        for item in worth[:SHOWN]:
            print_err(f"{item.letter_id} {item.state}: {item.found}")
        if len(worth) > SHOWN:
            print_err(f"{plural(len(worth) - SHOWN, 'more letter')}; --json names all.")
        if ended.message is not None:
            print_err(f"The job {ended.status}: {ended.message}.")
    is_done = ended.status == "done" and not ended.counts.get("failed") and not ended.counts.get("skipped")
    return 0 if is_done else NOT_DONE


def _job(connected: Connections, job: str) -> JobRow:
    from streams.store import jobs

    found = connected.database.transact(partial(jobs.get, job=job.strip().lower()))
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
