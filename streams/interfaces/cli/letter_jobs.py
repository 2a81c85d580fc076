"""`leads dead-letters` commands that replay letters: at once (`replay`), or by a job for a plan (`apply`, `jobs`)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from pydantic import ValidationError

from streams.dead_letters.job_limits import JobOptions, JobProgress
from streams.dead_letters.plan import read_plan
from streams.dead_letters.selection import Selection, option_name
from streams.interfaces.cli import logs
from streams.interfaces.cli.letter_commands import SHOWN
from streams.interfaces.cli.pausing import Reason, one_line
from streams.interfaces.cli.selecting import chosen_ids, options_of, selects, with_options
from streams.interfaces.common import connections
from streams.interfaces.common.connections import Connections
from streams.interfaces.common.errors import (
    INTERRUPTED,
    NOT_DONE,
    CommandError,
    UnreachableError,
    WrongUseError,
)
from streams.interfaces.common.output import (
    AsJson,
    plural,
    print_err,
    print_out,
    readable,
    write_json,
    write_table,
)
from streams.interfaces.common.progress import showing
from streams.store import jobs

if TYPE_CHECKING:
    from streams.dead_letters.job_control import ClaimedJob
    from streams.dead_letters.letter_commands import LetterCommands
    from streams.dead_letters.replay import ReplayOutcome
    from streams.store.engine import Database
    from streams.store.jobs import JobRow

WAIT_S = 30.0
STATES = ("resolved", "noop", "failed", "skipped", "asked", "waiting")

app = typer.Typer(help="Replay jobs: list them, pause, resume or cancel one.", no_args_is_help=True)
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id, or its first characters.")]


# ---------------------------------------------------------------------------------------------------- replay at once


@selects()
def replay_command(
    selection: Selection,
    letter_ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID…", help="Ids, or their first six characters or more.")
    ] = None,
    all_: Annotated[
        bool,
        typer.Option(
            "--all", help="Every open letter except UNCERTAIN ones, whose replay may repeat a call."
        ),
    ] = False,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for the outcomes.")
    ] = WAIT_S,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Request the replays and exit; the letters count as pending.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Reason; it is written to the audit topic.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run again only the action that failed, with the record as it was.

    What was done in the meantime is not done twice: it ends as `noop`. With --json one outcome per line.

    Exit codes: 0 none failed again or is pending (also when there was nothing to do), 1 some did or are.
    """
    logs.silence()
    settings = connections.settings()
    wait_s = 0.0 if no_wait else wait
    printed: Counter[str] = Counter()
    with connections.database(settings) as database:
        named = chosen_ids(database, selection, letter_ids, is_all=all_)
        ids = free_letters(database, named, is_named=bool(letter_ids or selection.id))
        if not ids:
            print_err("There is no open dead letter to replay: nothing to do.")
            return
        with connections.kafka(settings) as address:
            why = None if reason is None else one_line(reason)
            connected = Connections(settings, database, address)
            try:
                connections.with_letters(
                    connected, lambda commands: _replay(commands, ids, why, wait_s, printed, as_json=as_json)
                )
            except KeyboardInterrupt:
                raise typer.Exit(INTERRUPTED) from None
    print_err(", ".join(f"{count:,} {outcome}" for outcome, count in printed.items()) + ".")
    if printed["pending"] and not no_wait:
        print_err(
            "Pending: no outcome came in time. Is `leads worker` running? The request stays on its topic."
        )
    if printed["pending"] or printed["failed again"]:
        raise typer.Exit(NOT_DONE)


async def _replay(
    commands: LetterCommands,
    ids: Sequence[str],
    reason: str | None,
    wait_s: float,
    printed: Counter[str],
    *,
    as_json: bool,
) -> None:
    from streams.dead_letters.audit import Entry
    from streams.dead_letters.replay import replay_job

    def report(replayed: ReplayOutcome) -> None:
        printed[replayed.outcome] += 1
        if as_json:
            write_json({**_outcome_as_data(replayed), "job": job.id})
        else:
            code = f" ({replayed.code})" if replayed.outcome == "failed again" else ""
            print_out(f"{replayed.id}  {replayed.action:24} {replayed.outcome}{code}")

    job, named = replay_job(commands.installation, ids, report, wait_s)
    await commands.audit.write(reason, [Entry("replay", letter_id, {"job": job.id}) for letter_id in ids])
    try:
        await job.run(lambda _: None)
    except TimeoutError:
        raise UnreachableError(
            "Kafka did not take the requests in time; a worker requests these letters again in a minute"
        ) from None
    finally:
        for unanswered in named.pending:
            report(unanswered)


def _outcome_as_data(replayed: ReplayOutcome) -> dict[str, Any]:
    return {
        "id": replayed.id,
        "outcome": replayed.outcome,
        "action": replayed.action,
        "code": replayed.code,
        "generation": replayed.generation,
        "status": replayed.status,
    }


def free_letters(database: Database, ids: Sequence[str], *, is_named: bool) -> list[str]:
    """Leave out letters that a replay job has claimed, and uncertain ones unless they are named by id."""
    from streams.store.queries import held_letter_ids, uncertain_letter_ids

    held = database.transact(partial(held_letter_ids, ids=ids))
    if held:
        print_err(
            f"{plural(len(held), 'letter')} left out: a replay job has claimed them; "
            "`leads dead-letters jobs list` shows it."
        )
    uncertain = set() if is_named else database.transact(partial(uncertain_letter_ids, ids=ids))
    if uncertain:
        # A replay repeats the call, so a person must first look, letter by letter, whether it was made.
        print_err(
            f"{plural(len(uncertain), 'letter')} left out: a worker was cut off while calling, and the call may have "
            "been made. `leads dead-letters list` shows UNCERTAIN ones; check the other side, then replay them by id."
        )
    return [each for each in ids if each not in held and each not in uncertain]


# ---------------------------------------------------------------------------------------------------- jobs


_JOB_OPTIONS = options_of(
    JobOptions,
    {"canary": "N,N,…", "stop_if_fail": "PERCENT", "yield_to_lag": "N"},
    texts={
        "canary": lambda sizes: ",".join(map(str, sizes)),
        "stop_if_fail": "{:g}%".format,
        "yield_to_lag": str,
    },
)
_MUST_BE = {
    "rate": "is not a number of letters a second up to 1,000,000; write 100",
    "canary": "is not a list of sizes; write 1,10,100, or none",
    "stop_if_fail": "is not a percentage; write 5%",
    "yield_to_lag": "is not a number of records; write 1000, or none",
}


def read_job_options(typed: dict[str, Any]) -> JobOptions:
    """Read the options of a job. Raise `WrongUseError` naming the first that cannot be used."""
    try:
        return JobOptions(**typed)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        value = f"{typed[name]:g}" if isinstance(typed[name], float) else repr(typed[name])
        raise WrongUseError(f"--{option_name(name)} {value} {_MUST_BE[name]}") from None


@with_options("options", _JOB_OPTIONS, read_job_options)
def apply_command(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A file that `plan --out` wrote.")],
    reason: Reason,
    options: JobOptions,
    as_json: AsJson = False,
) -> None:
    """Carry out a plan: replay its letters, a few first, and skip those that have changed since it was made.

    Ctrl-C pauses the job; `jobs resume` continues it, also after a crash.

    Exit codes: 0 every letter was done, 1 some failed or were skipped, or the job stopped.
    """
    from streams.dead_letters.job_control import create

    logs.silence()
    frozen = read_plan(plan)
    why = one_line(reason)
    if not frozen.items:
        print_err("The plan holds no letter: nothing to do.")
        return
    with connections.connected() as connected:
        _run(connected, lambda commands: create(commands, frozen, options, why), as_json=as_json)


@app.command("list")
def list_command(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List replay jobs, the newest first. With --json one per line."""
    logs.silence()
    with connections.database(connections.settings()) as database:
        rows = database.transact(partial(jobs.latest, limit=limit))
        states = {row.id: database.transact(partial(jobs.counts, job=row.id)) for row in rows}
    if as_json:
        for row in rows:
            write_json(_as_data(row, states[row.id]))
    elif rows:
        columns = ("id", "status", "begun", "by", "letters", "reason", "message")
        write_table(columns, [_cells(row, states[row.id]) for row in rows])
    else:
        print_out("No replay jobs.")


@app.command("pause")
def pause_command(job: JobId, reason: Reason) -> None:
    """Pause a running job: it requests no more letters, and its process ends."""
    _control(job, "paused", reason, "pauses; `leads dead-letters jobs resume` continues it")


@app.command("cancel")
def cancel_command(job: JobId, reason: Reason) -> None:
    """End a job: letters that were not requested yet stay unchanged."""
    _control(job, "cancelled", reason, "is cancelled")


@app.command("resume")
def resume_command(job: JobId, reason: Reason, as_json: AsJson = False) -> None:
    """Resume a job that was paused, that stopped, or whose process died. Its canary starts over."""
    from streams.dead_letters.job_control import resume

    logs.silence()
    why = one_line(reason)
    with connections.connected() as connected:
        row = _job(connected, job)
        _run(connected, lambda commands: resume(commands, row, why), as_json=as_json)


def _control(job: str, status: Literal["paused", "cancelled"], reason: str, done: str) -> None:
    from streams.dead_letters.job_control import control

    logs.silence()
    why = one_line(reason)
    with connections.connected() as connected:
        row = _job(connected, job)
        connections.with_letters(connected, lambda commands: control(commands, row, status, why))
    print_out(f"Job {row.id} {done}.")


def _run(
    connected: Connections, claim: Callable[[LetterCommands], Awaitable[ClaimedJob]], *, as_json: bool
) -> None:
    """Claim a job, run it to its end, and print its result."""
    from streams.dead_letters.planned_letters import planned_job
    from streams.dead_letters.preview import Preview
    from streams.kafka.lag import watching_live_lag
    from streams.settings import load_config

    settings = connected.settings
    claimed: list[ClaimedJob] = []

    async def run(commands: LetterCommands) -> JobProgress:
        preview = Preview(commands.installation)
        async with connections.admin(connected.address) as admin:
            job = await claim(commands)
            claimed.append(job)
            print_err(f"Job {job.id}: {plural(job.letters, 'letter')}.")
            watching = watching_live_lag(admin, connected.address, settings.group, settings.prefix)
            async with watching as lag:
                with _progress() as report:
                    return await planned_job(commands.installation, job, preview, lag).run(report)

    try:
        ended = connections.with_letters(connected, run, load_config(settings.config))
    except KeyboardInterrupt:
        if claimed:
            print_err(
                f"Paused; `leads dead-letters jobs resume {claimed[0].id[:8]} --reason TEXT` continues it."
            )
        raise typer.Exit(INTERRUPTED) from None
    _report(connected, claimed[0].id, ended, as_json=as_json)
    if ended.status != "done" or ended.counts.get("failed") or ended.counts.get("skipped"):
        raise typer.Exit(NOT_DONE)


@contextmanager
def _progress() -> Iterator[Callable[[JobProgress], None]]:
    """Show the progress of the job."""
    began = time.monotonic()
    with showing() as show:

        def report(progress: JobProgress) -> None:
            rate = progress.ended / max(time.monotonic() - began, 0.001)
            left = progress.total - progress.ended
            text = f"{_counted(progress.counts)}, {rate:,.0f}/s"
            if rate and left:
                text += f", {left / rate:,.0f} s left"
            if progress.waits_for is not None:
                text += f" (waiting for {progress.waits_for})"
            show(text, progress.ended, progress.total)

        yield report


def _report(connected: Connections, job: str, ended: JobProgress, *, as_json: bool) -> None:
    items = connected.database.transact(partial(jobs.items, job=job, states=jobs.ENDED, limit=1 << 30))
    if as_json:
        letters = [{"id": item.letter_id, "state": item.state, "reason": item.found} for item in items]
        write_json(
            {"job": job, "status": ended.status, "message": ended.message, **ended.counts, "letters": letters}
        )
        return
    print_out(f"{_counted(ended.counts)}.")
    remarkable = [item for item in items if item.found is not None]
    for item in remarkable[:SHOWN]:
        print_err(f"{item.letter_id} {item.state}: {item.found}")
    if len(remarkable) > SHOWN:
        print_err(f"{plural(len(remarkable) - SHOWN, 'more letter')}; --json lists all.")
    if ended.message is not None:
        print_err(f"The job {ended.status}: {ended.message}.")


def _job(connected: Connections, job: str) -> JobRow:
    row = connected.database.transact(partial(jobs.get, job=job.strip().lower()))
    if row is None:
        raise CommandError(
            f"{job} names no replay job, or several; `leads dead-letters jobs list` shows them"
        )
    return row


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
    return (row.id, row.status, begun, row.author, _counted(states), row.reason, row.message)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts.get(state)) or "nothing"
