"""`leads store`: backs up the store, restores it, and brings it up to date from the topics."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.interfaces.common.errors import CommandError, WrongUseError
from streams.interfaces.common.output import AsJson, plural, print_err, print_out, readable, write_json
from streams.interfaces.common.progress import reporting

if TYPE_CHECKING:
    from streams.kafka.address import KafkaAddress
    from streams.operations.recovery.catch_up import CaughtUp, Report
    from streams.settings import Config, Settings
    from streams.store.engine import Database

_SHOWN = 20

app = typer.Typer(help="The store: back it up while workers run, restore it, catch up.", no_args_is_help=True)


@app.command("catch-up", short_help="Bring a restored store up to date from the topics.")
def catch_up_command(
    accept_gap: Annotated[
        bool,
        typer.Option(
            "--accept-gap", help="Continue although the topics no longer hold all that the store lacks."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a restored store up to date from the topics; nothing is sent. Workers must be stopped; it can be repeated.

    Exit codes: 0 workers may start, 1 workers run or the topics no longer hold enough (the store then stays
    outdated), 2 wrong settings, 3 no broker or no database.
    """
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.settings import load_config

    logs.silence()
    settings = connections.settings()
    config = load_config(settings.config)
    with (
        connections.kafka(settings) as address,
        connections.database(settings) as database,
        reporting() as report,
    ):
        done = asyncio.run(_catch_up(settings, config, address, database, report, accept_gap=accept_gap))
    if as_json:
        write_json(_as_data(done))
    else:
        _print(done)


async def _catch_up(
    settings: Settings,
    config: Config,
    address: KafkaAddress,
    database: Database,
    report: Report,
    *,
    accept_gap: bool,
) -> CaughtUp:
    from streams.interfaces.common import connections
    from streams.kafka.lag import group_state
    from streams.kafka.log import open_log
    from streams.kafka.producer import NoBroker
    from streams.operations.recovery.catch_up import CatchUp
    from streams.wiring import installation_of

    installation = installation_of(settings, config, database, NoBroker())
    try:
        async with connections.admin(address) as admin:
            _, members, _ = await group_state(admin, settings.group)
            if members:
                raise CommandError(
                    f"{plural(members, 'worker')} of group {settings.group} run; stop them, they may repeat what the "
                    "store does not know (one that was killed leaves the group after LEADS_SESSION_TIMEOUT)"
                )
            async with open_log(admin, address, installation.topics, installation.group) as log:
                return await CatchUp(installation, log, report).run(is_gap_accepted=accept_gap)
    finally:
        await installation.adapters.aclose()


def _as_data(done: CaughtUp) -> dict[str, Any]:
    """Return the result of a catch-up as plain data."""
    return {
        "since": done.since.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "records": done.records,
        "executions": dict(sorted(done.executions.items())),
        "failures": done.failures,
        "letters": done.letters,
        "resolved": done.resolved,
        "foreign": done.foreign,
        "uncertain": [
            {"action": execution.action, "lead_id": execution.lead_id, "result_id": execution.result_id}
            for execution in done.uncertain
        ],
    }


def _print(done: CaughtUp) -> None:
    since = readable(int(done.since.timestamp() * 1_000_000)) if done.since.timestamp() else "the beginning"
    print_out(f"Read {plural(done.records, 'record')} since {since}. Added to the store:")
    for action, many in sorted(done.executions.items()):
        print_out(f"  {action:26} {plural(many, 'execution')}")
    print_out(
        f"  {'dead letters':26} {done.letters:,} read, {done.failures:,} failures, {done.resolved:,} closed"
    )
    if done.foreign:
        print_out(f"  {done.foreign:,} records on result topics belong to another workflow and were skipped.")
    if done.uncertain:
        print_out(
            f"{plural(len(done.uncertain), 'execution')} may have made an outside call that left no trace: workers "
            "write an UNCERTAIN letter for each, or repeat the call where the receiver drops the copy."
        )
        for execution in done.uncertain[:_SHOWN]:
            print_out(f"  - {execution.action}, lead {execution.lead_id}")
        if len(done.uncertain) > _SHOWN:
            print_out(f"  - and {len(done.uncertain) - _SHOWN:,} more; --json lists all")
    print_out("Workers may start.")


@app.command("repair-times", short_help="Repair contacts whose fields carry a time in the future.")
def repair_times_command(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set times of fields that are more than an hour ahead of now to when their contact was last written.

    Every later correction loses against such a time, and the contact stays as it is for years. Values do not change.
    Workers may run. Exit codes: 0 done, 3 no database.
    """
    from streams.clock import now
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.operations.recovery.future_times import repair_future_times

    logs.silence()
    with connections.database(connections.settings()) as database, reporting("contact") as report:
        done = asyncio.run(
            repair_future_times(
                database, now, is_dry=dry_run, report=lambda read, total: report("contacts", read, total)
            )
        )
    if as_json:
        write_json({"dry_run": dry_run, **done._asdict()})
        return
    verb = "would be" if dry_run else "were"
    print_out(
        f"Read {plural(done.contacts, 'contact')}; {plural(done.fields, 'field')} of {plural(done.changed, 'contact')} "
        f"had a time in the future and {verb} repaired."
    )


# ---------------------------------------------------------------------------------------------------- backups


@app.command("backup")
def backup_command(
    file: Annotated[Path, typer.Argument(help="A new file; one that exists is never overwritten.")],
    as_json: AsJson = False,
) -> None:
    """Copy a SQLite store to one file while workers run, and check the copy.

    Exit codes: 0 done, 1 it cannot be copied, or the file exists, 2 the store is not SQLite.
    """
    from streams.interfaces.common import connections
    from streams.operations.recovery.backup import back_up

    moment = back_up(_sqlite_file(connections.settings().database_url, "backup"), file)
    size = file.stat().st_size
    if as_json:
        write_json({"file": str(file), "bytes": size, "knows_until_us": moment})
        return
    until = "is empty" if moment is None else f"holds everything until {readable(moment)}"
    print_err(f"{file} ({size:,} bytes) {until}")


@app.command("restore")
def restore_command(
    file: Annotated[
        Path, typer.Argument(help="A file that `leads store backup` made.", exists=True, dir_okay=False)
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Rename a store that is not empty, and restore.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replace a SQLite store by a backup. No worker starts on it before `leads store catch-up`.

    Exit codes: 0 done, 1 the backup is damaged, the store is in use or not empty, 2 the store is not SQLite.
    """
    from streams.interfaces.common import connections
    from streams.operations.recovery.restore import restore

    done = restore(file, _sqlite_file(connections.settings().database_url, "restore"), is_forced=force)
    if as_json:
        write_json({"since_us": done.since_us, "kept": None if done.kept is None else str(done.kept)})
        return
    if done.kept is not None:
        print_err(f"The store that was there is now {done.kept}.")
    since = f"holds everything until {readable(done.since_us)}" if done.since_us else "is empty"
    print_err(
        f"The restored store {since}. Workers refuse it until `leads store catch-up` has brought it up to date."
    )


_OF_POSTGRESQL = {
    "backup": "use `pg_dump --format=custom` for PostgreSQL",
    "restore": "use `pg_restore` for PostgreSQL, then `leads store catch-up`",
}


def _sqlite_file(url: str, verb: str) -> Path:
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        msg = (
            f"LEADS_DATABASE is {parsed.get_backend_name()}, and this command is for SQLite files only; "
            f"{_OF_POSTGRESQL[verb]}"
        )
        raise WrongUseError(msg)
    return Path(parsed.database)
