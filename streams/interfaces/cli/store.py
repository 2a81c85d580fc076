"""This file is `leads store`: care for the store that workers keep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.interfaces.cli.catching_up import catch_up_command
from streams.interfaces.common.errors import WrongUseError
from streams.interfaces.common.output import AsJson, print_err, readable, write_json

app = typer.Typer(
    help="The store: copy it while workers run, put a copy back, catch up.", no_args_is_help=True
)
app.command("catch-up", short_help="Let a restored store learn from the topics.")(catch_up_command)


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
    until = "is empty" if moment is None else f"knows what was done until {readable(moment)}"
    print_err(f"{file} ({size:,} bytes) {until}")


@app.command("restore")
def restore_command(
    file: Annotated[
        Path, typer.Argument(help="What `leads store backup` made.", exists=True, dir_okay=False)
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Put a store that is not empty aside, and restore.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of a SQLite store. No worker runs on it before `leads store catch-up`.

    Exit codes: 0 done, 1 the backup is not whole, the store is in use or not empty, 2 the store is not SQLite.
    """
    from streams.interfaces.common import connections
    from streams.operations.recovery.restore import restore

    done = restore(file, _sqlite_file(connections.settings().database_url, "restore"), is_forced=force)
    if as_json:
        write_json({"since_us": done.since_us, "kept": None if done.kept is None else str(done.kept)})
        return
    if done.kept is not None:
        print_err(f"The store that was there is now {done.kept}.")
    since = f"knows until {readable(done.since_us)}" if done.since_us else "is empty"
    print_err(
        f"The restored store {since}. Workers refuse it until `leads store catch-up` has brought it up to date."
    )


_OF_POSTGRESQL = {
    "backup": "use `pg_dump --format=custom` for PostgreSQL",
    "restore": "use `pg_restore` for PostgreSQL, then `leads store catch-up`",
}


def _sqlite_file(url: str, verb: str) -> Path:
    from sqlalchemy.engine import make_url

    found = make_url(url)
    if found.get_backend_name() != "sqlite" or not found.database:
        msg = (
            f"LEADS_DATABASE is {found.get_backend_name()}, and this command is for SQLite files only; "
            f"{_OF_POSTGRESQL[verb]}"
        )
        raise WrongUseError(msg)
    return Path(found.database)
