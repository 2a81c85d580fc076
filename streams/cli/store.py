"""This file is `leads store`: care for the store that workers keep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.errors import WrongUseError
from streams.cli.output import AsJson, readable, say, write_json

app = typer.Typer(help="The store: copy it while workers run.", no_args_is_help=True)


@app.callback()
def _store() -> None:
    pass


@app.command("backup")
def backup_command(
    file: Annotated[Path, typer.Argument(help="A new file; one that exists is never overwritten.")],
    as_json: AsJson = False,
) -> None:
    """Copy a SQLite store to one file while workers run, and check the copy.

    Exit codes: 0 done, 1 it cannot be copied, or the file exists, 2 the store is not SQLite.
    """
    from streams.care.copying import back_up
    from streams.cli import context

    moment = back_up(_sqlite_file(context.settings().database_url), file)
    size = file.stat().st_size
    if as_json:
        write_json({"file": str(file), "bytes": size, "knows_until_us": moment})
        return
    until = "is empty" if moment is None else f"knows what was done until {readable(moment)}"
    say(f"{file} ({size:,} bytes) {until}")


def _sqlite_file(url: str) -> Path:
    from sqlalchemy.engine import make_url

    found = make_url(url)
    if found.get_backend_name() != "sqlite" or not found.database:
        msg = (
            f"LEADS_DATABASE is {found.get_backend_name()}, and this command copies SQLite files only; "
            "use `pg_dump --format=custom` for PostgreSQL"
        )
        raise WrongUseError(msg)
    return Path(found.database)
